import numpy as np
import pytest

from tasks.segment.small import blob, make_cohort
from vesalius.cohort.manifest import read_manifest
from vesalius.errors import InputError
from vesalius.phantom.nifti import write_nifti
from vesalius.tasks.segment.labels import LabelValues
from vesalius.tasks.segment.maps import read_classes
from vesalius.tasks.segment.units import units

VALUES = LabelValues({"bright": (4,), "dark": (7,)})


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
