import math

import numpy as np
import pytest
from PIL import Image

from tasks.evaluate.masks.making import AFFINE, heart, write
from vesalius.errors import GeometryError, InputError
from vesalius.tasks.evaluate.masks.find import Pair, find_masks
from vesalius.tasks.evaluate.masks.measure import measure_pair


def pair(tmp_path, predicted, reference, affine=AFFINE):
    return Pair(
        find_masks(write(tmp_path / "p.nii.gz", predicted, affine))[0],
        find_masks(write(tmp_path / "r_frame02.nii.gz", reference))[0],
    )


def test_measures_are_in_mm_and_ml(tmp_path):
    result = measure_pair(pair(tmp_path, heart(4, shift=2), heart(4)), {})
    rows = {row.label: row for row in result.rows}
    assert list(rows) == [1, 2, 3]
    one, other = heart(4, shift=2) == 3, heart(4) == 3
    assert rows[3].dice == pytest.approx(2 * (one & other).sum() / (one.sum() + other.sum()))
    assert rows[3].hd95_mm == pytest.approx(3.0)  # two voxels of 1.5 mm
    assert rows[3].reference_ml == pytest.approx(other.sum() * 1.5 * 1.5 * 8 / 1000)
    assert (rows[1].dice, rows[1].hd95_mm, rows[1].average_mm) == (1, 0, 0)
    assert (rows[3].case, rows[3].mask, rows[3].frame) == ("r", "frame02", 1)
    assert result.notes == ()


def test_a_missing_class_is_0_and_has_no_distance(tmp_path):
    predicted = heart(4)
    predicted[predicted == 1] = 0
    row = next(row for row in measure_pair(pair(tmp_path, predicted, heart(4)), {}).rows if row.label == 1)
    assert (row.dice, row.predicted_ml) == (0, 0)
    assert row.reference_ml > 0
    assert math.isnan(row.hd95_mm)


def test_what_only_the_prediction_holds_is_0_and_told(tmp_path):
    reference = heart(4)
    reference[reference < 3] = 0
    result = measure_pair(pair(tmp_path, heart(4), reference), {2: "MYO", 3: "LV"})
    assert [row.dice for row in result.rows] == [0, 1]
    assert "reference has none (Dice 0): MYO; if it was not outlined" in result.notes[-1]


def test_only_the_classes_asked_for(tmp_path):
    result = measure_pair(pair(tmp_path, heart(4), heart(5)), {3: "LV", 9: "none"})
    assert [row.label for row in result.rows] == [3]
    assert result.notes == ("labels that are no class were not measured: 1, 2",)


def test_a_cine_gives_the_frame_of_the_reference(tmp_path):
    cine = np.stack([heart(3), heart(5), heart(6)], axis=-1)
    assert {row.dice for row in measure_pair(pair(tmp_path, cine, heart(5)), {}).rows} == {1.0}


def test_one_frame_is_no_cine(tmp_path):
    one = pair(tmp_path, heart(5), heart(5))
    with pytest.raises(GeometryError, match=r"has one frame.*called r_frame02"):
        measure_pair(Pair(one.predicted, one.reference, by_cine=True), {})


def test_frames_that_nobody_labelled_are_left_out(tmp_path):
    reference = np.stack([heart(5), np.zeros_like(heart(5)), heart(3)], axis=-1)
    result = measure_pair(pair(tmp_path, np.stack([heart(5)] * 3, axis=-1), reference), {3: "LV"})
    assert [(row.frame, row.dice == 1) for row in result.rows] == [(0, True), (2, False)]
    assert result.notes[0] == "1 of 3 frames have no label in the reference and were left out"


@pytest.mark.parametrize(
    ("move", "says"),
    [
        (np.diag([1.5, 1.5, 9.0, 1.0]), "mm off the reference.*write it on the grid"),
        (np.diag([-1.5, -1.5, 8.0, 1.0]), "vesalius convert MASK -o OUT --orient RAS"),
    ],
)
def test_another_grid_is_refused_with_the_fix(tmp_path, move, says):
    with pytest.raises(GeometryError, match=says) as error:
        measure_pair(pair(tmp_path, heart(4), heart(4), move), {})
    assert "\n" not in str(error.value)


def test_other_sizes_are_refused(tmp_path):
    with pytest.raises(GeometryError, match="has 20x20x3 voxels, the reference 20x20x4"):
        measure_pair(pair(tmp_path, heart(4)[..., :3], heart(4)), {})
    with pytest.raises(GeometryError, match="has 3 frames, the reference 2"):
        measure_pair(pair(tmp_path, np.stack([heart(4)] * 3, -1), np.stack([heart(4)] * 2, -1)), {})


def test_a_rounding_of_the_affine_is_the_same_grid(tmp_path):
    moved = AFFINE.copy()
    moved[:3, 3] += 1e-4
    assert measure_pair(pair(tmp_path, heart(4), heart(4), moved), {}).rows[0].dice == 1


def test_pictures_have_no_millimetres(tmp_path):
    for name, shift in (("p", 0), ("r", 1)):
        Image.fromarray(heart(4, shift)[..., 0] * 80).save(tmp_path / f"{name}.png")
    both = Pair(find_masks(tmp_path / "p.png")[0], find_masks(tmp_path / "r.png")[0])
    result = measure_pair(both, {})
    assert [row.label for row in result.rows] == [80, 160, 240]
    assert 0 < result.rows[2].dice < 1
    assert math.isnan(result.rows[2].hd95_mm)
    assert math.isnan(result.rows[2].reference_ml)
    assert "no geometry" in result.notes[0]
    mixed = Pair(both.predicted, find_masks(write(tmp_path / "n.nii", heart(4)[..., :1]))[0])
    with pytest.raises(GeometryError, match="it lies on no known grid: the file states no geometry"):
        measure_pair(mixed, {})


def test_a_slice_is_measured_as_a_picture(tmp_path):
    result = measure_pair(pair(tmp_path, heart(4, 1)[..., :1], heart(4)[..., :1][..., :1]), {3: "LV"})
    assert result.rows[0].hd95_mm == pytest.approx(1.5)


def test_what_is_no_mask_is_refused(tmp_path):
    import nibabel as nib

    reference = find_masks(write(tmp_path / "r.nii", heart(4)))[0]

    def against(values):
        nib.save(nib.Nifti1Image(values, AFFINE), tmp_path / "p.nii")
        return Pair(find_masks(tmp_path / "p.nii")[0], reference)

    for bad in (heart(4) + np.float32(0.5), heart(4).astype(np.int16) - 1, np.full((20, 20, 4), np.nan, np.float32)):
        with pytest.raises(InputError, match="values other than whole numbers from 0"):
            measure_pair(against(bad), {})
    with pytest.raises(InputError, match="1,599 different labels"):
        measure_pair(against(np.arange(1600, dtype=np.int16).reshape(20, 20, 4)), {})
    Image.fromarray(np.zeros((5, 5, 3), np.uint8)).save(tmp_path / "c.png")
    with pytest.raises(GeometryError, match="5x5x1 voxels"):
        measure_pair(Pair(find_masks(tmp_path / "c.png")[0], reference), {})
    colour = find_masks(tmp_path / "c.png")[0]
    with pytest.raises(InputError, match="3 channels"):
        measure_pair(Pair(colour, colour), {})
    (tmp_path / "d.nii.gz").write_bytes(b"\x1f\x8b damaged")
    with pytest.raises(InputError):
        measure_pair(Pair(find_masks(tmp_path / "d.nii.gz")[0], reference), {})


def test_masks_with_a_palette_are_measured_by_their_indices(tmp_path):
    labels = np.zeros((8, 8), np.uint8)
    labels[2:6, 2:6] = 3
    palette = Image.fromarray(labels).convert("P")
    palette.putdata(labels.ravel().tolist())
    palette.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0])
    palette.save(tmp_path / "p.png")
    Image.fromarray(labels).save(tmp_path / "r.png")
    result = measure_pair(Pair(find_masks(tmp_path / "p.png")[0], find_masks(tmp_path / "r.png")[0]), {})
    assert [(row.label, row.dice) for row in result.rows] == [(3, 1.0)]


def test_numbered_objects_are_one_class(tmp_path):
    """The reference numbers 300 cells, the prediction says where any cell is."""
    numbers = np.arange(600, dtype=np.uint16).reshape(20, 30)
    Image.fromarray(numbers).save(tmp_path / "reference.png")
    Image.fromarray((numbers >= 300).astype(np.uint8)).save(tmp_path / "predicted.png")
    both = Pair(find_masks(tmp_path / "predicted.png")[0], find_masks(tmp_path / "reference.png")[0])
    (row,) = measure_pair(both, {1: "cell"}, "objects").rows
    assert (row.name, row.dice) == ("cell", pytest.approx(2 * 300 / (300 + 599)))
    with pytest.raises(InputError, match="looks like an image"):
        measure_pair(both, {1: "cell"})
