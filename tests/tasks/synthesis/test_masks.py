import numpy as np
import pytest
from PIL import Image

from vesalius.cohort.case import Box
from vesalius.cohort.manifest import read_manifest
from vesalius.errors import InputError
from vesalius.phantom.nifti import write_nifti
from vesalius.tasks.synthesis.masks import at_size, boxes_in, mask_of_case, mask_of_file, part_of


def test_rows_and_columns_of_a_file_and_a_case_stay(tmp_path, discs):
    labels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    Image.fromarray(labels).save(tmp_path / "m.png")
    np.testing.assert_array_equal(mask_of_file(tmp_path / "m.png"), labels)
    cohort = read_manifest(discs)
    case = cohort.cases[1]
    picture = np.asarray(Image.open(cohort.path(case.masks["mask"])))
    np.testing.assert_array_equal(mask_of_case(cohort, case, "mask"), picture)


def test_what_is_no_label_map_of_a_picture_is_one_line(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (4, 4, 3), np.uint8)).save(tmp_path / "rgb.png")
    write_nifti(tmp_path / "volume.nii.gz", np.zeros((1, 4, 4, 3), np.uint8), np.eye(4))
    write_nifti(tmp_path / "real.nii.gz", np.full((1, 4, 4, 1), 0.5, np.float32), np.eye(4))
    for name, says in (
        ("rgb.png", r"the mask has 3 channels"),
        ("volume.nii.gz", "a mask of a picture has one slice, this one has 3"),
        ("real.nii.gz", "holds values other than whole numbers"),
    ):
        with pytest.raises(InputError, match=says):
            mask_of_file(tmp_path / name)


def test_a_part_has_the_aspect_of_the_picture_and_lies_within():
    mask = np.arange(60 * 100, dtype=np.int16).reshape(60, 100)
    for area in (0.1, 0.5, 1.0):
        for place in ((0.0, 0.0), (0.5, 0.3), (1.0, 1.0)):
            part = mask[part_of(mask.shape, (32, 64), area, place)]
            assert part.shape[1] / part.shape[0] == pytest.approx(2, rel=0.05)
            assert part.size == pytest.approx(area * 50 * 100, rel=0.1)
            first = np.unravel_index(part[0, 0], mask.shape)
            np.testing.assert_array_equal(
                mask[first[0] : first[0] + part.shape[0], first[1] : first[1] + part.shape[1]], part
            )


def test_a_resized_map_holds_no_new_labels():
    mask = np.array([[0, 300], [7, 7]], np.int16)
    large = at_size(mask, (8, 8))
    assert (large.dtype, large.shape, set(np.unique(large))) == (np.uint16, (8, 8), {0, 7, 300})
    assert at_size(np.minimum(mask, 255), (2, 2)).dtype == np.uint8


def test_a_part_keeps_the_boxes_that_it_shows():
    """A part of 40 x 40 pixels from row 20 and column 10, of 100 x 100."""
    seen = Box(label="disc", left=0.2, top=0.3, right=0.4, bottom=0.5)
    half_out = Box(label="edge", left=0.0, top=0.3, right=0.2, bottom=0.5)
    mostly_out = Box(label="edge", left=0.0, top=0.3, right=0.19, bottom=0.5)
    outside = Box(label="far", left=0.8, top=0.8, right=0.9, bottom=0.9)
    kept = boxes_in([seen, half_out, mostly_out, outside], (slice(20, 60), slice(10, 50)), (100, 100))
    assert [(box.label, box.left, box.top, box.right, box.bottom) for box in kept] == [
        ("disc", pytest.approx(0.25), pytest.approx(0.25), pytest.approx(0.75), pytest.approx(0.75)),
        ("edge", 0.0, pytest.approx(0.25), pytest.approx(0.25), pytest.approx(0.75)),
    ]
