import io

import numpy as np
import pytest
from PIL import Image

from real_data import real
from vesalius.cohort.audit.pixels import Looked, thumbnail
from vesalius.cohort.audit.twins import NEAR, twin_findings
from vesalius.cohort.case import Case

COPIES = {
    "JPEG": lambda image: _jpeg(image),
    "darker": lambda image: np.asarray(image) * 0.8 + 20.0,
    "half": lambda image: np.asarray(image.resize((image.width // 2, image.height // 2))),
    "gamma": lambda image: 255 * (np.asarray(image) / 255) ** 0.8,
}


def _jpeg(image):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=40)
    return np.asarray(Image.open(file))


def print_of(picture_JI):
    return thumbnail(np.asarray(picture_JI, np.float32).T[None, None, :, :, None])


@pytest.mark.data
@pytest.mark.parametrize("name", ["fundus-idrid/images", "cxr-nih/images"])
def test_copies_correlate_and_other_images_do_not(name):
    paths = [path for path in sorted(real(name).iterdir()) if path.suffix in (".jpg", ".png")][:60]
    images = [Image.open(path).convert("L") for path in paths]
    prints = np.stack([print_of(image) for image in images])
    likeness = prints @ prints.T
    assert likeness[np.triu_indices(len(images), 1)].max() < 0.92 < NEAR
    for copy in COPIES.values():
        copies = np.stack([print_of(copy(image)) for image in images[:20]])
        assert ((copies * prints[:20]).sum(1) >= 0.97).mean() >= 0.95


def seen(name, thumb, print_, patient=None, split="train", labels=None):
    case = Case(id=name, images={"image": name}, patient=patient, split=split, labels=labels or {})
    return Looked(case, prints={"image": print_}, thumb=thumb)


def test_what_counts_as_a_twin():
    draw = np.random.default_rng(0)
    one = print_of(draw.random((40, 40)))
    other = print_of(draw.random((40, 40)))
    assert abs(one @ other) < 0.3
    looked = [seen("a", one, "1", "p"), seen("b", one, "2", "p"), seen("c", one, "3"), seen("d", other, "4")]
    told = [finding.text for finding in twin_findings(looked)]
    assert told == ["a looks like c (correlation 1.000)", "b looks like c (correlation 1.000)"]
    looked = [seen("a", one, "1", "p"), seen("b", one, "1", "p", "test"), seen("c", None, "9")]
    (finding,) = twin_findings(looked)
    assert str(finding) == "error: same-pixels: a (train) has the same pixels as b (test)"


def test_many_cases_are_compared_in_blocks(monkeypatch):
    monkeypatch.setattr("vesalius.cohort.audit.twins._BLOCK", 3)
    draw = np.random.default_rng(0)
    prints = [print_of(draw.random((40, 40))) for _ in range(10)]
    looked = [seen(str(n), prints[n if n != 9 else 1], str(n)) for n in range(10)]
    assert [finding.cases for finding in twin_findings(looked)] == [("1", "9")]
