from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tasks.generate.small import CAPTIONS, disc
from vesalius.app.generating import Asked, MadePicture, make_pictures, read_mask
from vesalius.errors import InputError, VesaliusError
from vesalius.scan.synthetic import mask_digest, read_stamp

pytest.importorskip("torch")
SAMPLING = {"seed": 5, "size": (16, 16), "steps": 2, "sampler": "euler", "guidance": 1.0, "mask_guidance": 1.5}


def silent(share, text):
    assert 0 <= share <= 1


def _asked(models, mask, **changes):
    usual = {
        "model": str(models / "make" / "discs"), "caption": CAPTIONS["bright"], "mask_JI": mask, "classes": ("disc",),
        "count": 1, "sampling": SAMPLING,
    }  # fmt: skip
    return Asked(**(usual | changes))


@pytest.fixture
def mask():
    return disc(7, 16)[1].astype(np.int16)


def test_files_are_stamped_and_equal_those_of_the_command_line(disc_models, mask, tmp_path):
    from vesalius.tasks.synthesis.options import GenerateOptions
    from vesalius.tasks.synthesis.run import generate

    made = make_pictures(_asked(disc_models, mask, count=2), str(tmp_path / "page"), silent)
    Image.fromarray(mask.astype(np.uint8)).save(tmp_path / "mask.png")
    options = GenerateOptions(seed=5, steps=2, sampler="euler", guidance=1.0, mask_guidance=1.5, size=(16, 16))
    written = generate(
        disc_models / "make" / "discs", tmp_path / "line", caption=CAPTIONS["bright"], mask=tmp_path / "mask.png",
        count=2, options=options, device="cpu",
    )  # fmt: skip
    for picture, other in zip(made.pictures, written.pictures, strict=True):
        assert Path(picture.path).read_bytes() == Path(other["path"]).read_bytes()
    assert list(made.files[:2]) == [picture.path for picture in made.pictures]
    assert [Path(file).read_bytes() for file in made.files[2:]] == [Path(written.pictures[0]["mask"]).read_bytes()]
    stamp = read_stamp(Path(made.pictures[0].path))
    assert (stamp.seed, stamp.mask_sha256) == (5, mask_digest(mask))


def test_the_segmenter_measures_each_class_that_both_know(disc_models, mask, tmp_path):
    asked = _asked(disc_models, mask, segmenter=str(disc_models / "find" / "discs"))
    (picture,) = make_pictures(asked, str(tmp_path), silent).pictures
    assert set(picture.dice) == {"disc"}
    assert "Dice disc" in picture.caption


def test_an_empty_mask_is_said_and_no_mask_is_not_judged(disc_models, mask, tmp_path):
    made = make_pictures(_asked(disc_models, np.zeros_like(mask)), str(tmp_path / "a"), silent)
    assert "without disc" in made.notes[0]
    judged = _asked(disc_models, None, segmenter=str(disc_models / "find" / "discs"))
    assert "without a mask" in make_pictures(judged, str(tmp_path / "b"), silent).notes[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"caption": "a" * 10_000},
        {"count": 99},
        {"sampling": SAMPLING | {"guidance": float("nan")}},
        {"sampling": SAMPLING | {"size": (15, 16)}},
        {"mask_JI": np.ones((4, 16), np.int16)},
    ],
)
def test_what_cannot_be_made_is_one_line(disc_models, mask, tmp_path, changes):
    with pytest.raises(VesaliusError) as caught:
        make_pictures(_asked(disc_models, mask, **changes), str(tmp_path), silent)
    assert "\n" not in str(caught.value)


def test_masks_that_do_not_fit_are_refused(disc_models, tmp_path):
    model = str(disc_models / "make" / "discs")
    for array, words in ((np.zeros((16, 40)), "16 x 40"), (np.full((16, 16), 9), "holds 9")):
        Image.fromarray(array.astype(np.uint8)).save(tmp_path / "mask.png")
        with pytest.raises(InputError, match=words):
            read_mask(str(tmp_path / "mask.png"), model, (16, 16), "", silent)
    Image.fromarray(np.eye(32, dtype=np.uint8)).save(tmp_path / "mask.png")
    assert np.array_equal(read_mask(str(tmp_path / "mask.png"), model, (16, 16), "", silent), np.eye(32))


def test_an_absent_class_has_no_dice():
    assert MadePicture("a.png", 1, {"disc": float("nan")}).caption == "seed 1, Dice disc -"
