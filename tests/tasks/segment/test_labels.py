import numpy as np
import pytest

from tasks.segment.small import blob, make_cohort
from vesalius.cohort.manifest import read_manifest
from vesalius.errors import InputError
from vesalius.phantom.nifti import write_nifti
from vesalius.tasks.segment.labels import LabelValues, largest_pieces, read_classes
from vesalius.tasks.segment.units import units

VALUES = LabelValues({"bright": (4,), "dark": (7,)})


def test_there_and_back():
    values = LabelValues({"core": (1, 4), "edema": (2,)}, ignored=(9,))
    mask = np.array([0, 1, 4, 2, 9], np.int16)
    classes = values.classes(mask, "case a")
    assert classes.tolist() == [0, 1, 1, 2, -1]
    assert values.written(classes[:4]).tolist() == [0, 1, 1, 2]
    assert values.written(classes[:4]).dtype == np.uint8
    assert LabelValues({"a": (300,)}).written(np.array([1])).dtype == np.uint16


def test_an_unknown_value_is_told():
    with pytest.raises(InputError, match="case a: a mask holds -3, 5, which"):
        LabelValues({"a": (1,)}).classes(np.array([0, 1, 5, -3], np.int16), "case a")


def test_the_largest_piece_stays():
    labels = np.zeros((8, 8, 2), int)
    labels[0:3, 0:3] = 1
    labels[5:7, 5:7] = 1
    labels[7, 7] = 2
    labels[4, 4] = 2
    kept = largest_pieces(labels, [1])
    assert (kept[0:3, 0:3] == 1).all()
    assert not (kept[5:7, 5:7] == 1).any()
    assert (kept == 2).sum() == 4
    assert labels[5, 5, 0] == 1


def test_classes_of_a_unit(tmp_path):
    cohort = units(read_manifest(make_cohort(tmp_path, ("train",))), ("mask",))
    found = read_classes(cohort, cohort.cases[0], VALUES)
    labels = blob(0)[1]
    np.testing.assert_array_equal(found, (labels == 4) + 2 * (labels == 7))


def test_a_map_over_time_is_refused(tmp_path):
    cohort = units(read_manifest(make_cohort(tmp_path, ("train",))), ("mask",))
    write_nifti(tmp_path / "c0_seg.nii.gz", np.zeros((3, 20, 18, 12), np.uint8), np.eye(4), 0.1)
    with pytest.raises(InputError, match="is no volume"):
        read_classes(cohort, cohort.cases[0], VALUES)


@pytest.mark.parametrize("value", [3.6, 65540.0, np.nan])
def test_what_is_no_label_is_refused(tmp_path, value):
    cohort = units(read_manifest(make_cohort(tmp_path, ("train",))), ("mask",))
    labels = blob(0)[1].astype(np.float32)
    labels[0, 0, 0] = value
    write_nifti(tmp_path / "c0_seg.nii.gz", labels[None], np.eye(4))
    with pytest.raises(InputError, match="case c0: a mask holds values other than whole numbers from -32768"):
        read_classes(cohort, cohort.cases[0], VALUES)
