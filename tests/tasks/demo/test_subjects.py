import nibabel as nib
import numpy as np
import pytest

from vesalius.errors import InputError
from vesalius.tasks.demo.subjects import SUBJECTS, DemoScan


def test_every_subject_ships_with_its_package():
    for subject in SUBJECTS:
        assert subject.path.stat().st_size > 0


def test_a_package_without_its_scan_is_one_line():
    gone = DemoScan("x", "x", "nibabel", ("tests", "data", "gone.nii"), (), lambda a, b: a == b)
    with pytest.raises(InputError, match="ships no"):
        _ = gone.path


def test_the_comparison_sees_a_changed_voxel(tmp_path):
    subject = next(subject for subject in SUBJECTS if subject.name == "functional")
    image = nib.load(subject.path)
    array = np.asarray(image.dataobj).copy()
    nib.save(nib.Nifti1Image(array, image.affine, image.header), tmp_path / "same.nii")
    array[0, 0, 0, 0] += 1
    nib.save(nib.Nifti1Image(array, image.affine, image.header), tmp_path / "other.nii")
    assert not subject.same(tmp_path / "same.nii", tmp_path / "other.nii")
    assert subject.same(tmp_path / "same.nii", tmp_path / "same.nii")
