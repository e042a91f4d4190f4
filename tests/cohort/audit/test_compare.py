import io

import numpy as np
import pytest
from PIL import Image

from real_data import real
from vesalius.cohort.audit.compare import NEAR, crowd_findings, twin_findings
from vesalius.cohort.audit.pixels import Looked, thumbnail
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
    monkeypatch.setattr("vesalius.cohort.audit.compare._BLOCK", 3)
    draw = np.random.default_rng(0)
    prints = [print_of(draw.random((40, 40))) for _ in range(10)]
    looked = [seen(str(n), prints[n if n != 9 else 1], str(n)) for n in range(10)]
    assert [finding.cases for finding in twin_findings(looked)] == [("1", "9")]


def looked(n, **facts):
    return Looked(Case(id=str(n), images={"image": "x"}), **facts)


def told(rows):
    return [str(finding) for finding in crowd_findings([looked(n, **row) for n, row in enumerate(rows)])]


def test_odd_ones_out():
    usual = {"shape": (1, 1, 64, 64, 20), "spacing_mm": (1.0, 1.0, 5.0), "modality": "CT"}
    assert told([usual] * 5) == []
    assert told([usual] * 5 + [{**usual, "modality": "MR"}]) == ["warning: mixed-modality: 5: modality MR among CT"]
    (line,) = told([usual] * 5 + [{**usual, "spacing_mm": (1.0, 1.0, 0.5)}])
    assert line == "warning: spacing-outlier: 5: spacing far from the median of 1 x 1 x 5 mm"
    (line,) = told([usual] * 5 + [{**usual, "shape": (1, 1, 64, 64, 3)}])
    assert line.startswith("warning: size-outlier: 5: size far from the median of 1 x 64 x 64 x 20")
    assert told([usual, {}]) == []


def test_label_values_of_few_masks():
    rows = [{"values": frozenset({0, 1})}] * 40
    assert told([*rows, {"values": frozenset({0, 2})}]) == [
        "warning: rare-mask-value: 40: mask value 2 is in few masks"
    ]
    numbered = [{"values": frozenset(range(n))} for n in range(2, 80)]
    assert told(numbered) == []
