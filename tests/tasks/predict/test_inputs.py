import numpy as np
import pytest

from tasks.segment.small import make_cohort
from vesalius.errors import UsageError
from vesalius.tasks.predict.inputs import find_inputs


def test_files_folders_and_manifests(tmp_path):
    manifest = make_cohort(tmp_path / "one", ("train", "val"))
    make_cohort(tmp_path / "two", ("train",))
    found, failed = find_inputs([manifest, tmp_path / "two" / "c0.nii.gz", tmp_path / "none.nii"], ("image",))
    assert [one.name for one in found] == ["c0", "c1", "c0"]
    assert [one["path"] for one in failed] == [str(tmp_path / "none.nii")]
    first, third = found[0].open()["image"], found[2].open()["image"]
    np.testing.assert_array_equal(first.stored(), third.stored())


def test_a_table_of_series(tmp_path):
    make_cohort(tmp_path, ("train", "val"))
    table = tmp_path / "series.csv"
    table.write_text("nifti_path,any\nc0.nii.gz,1\nnone.nii.gz,0\n.,0\nc1.nii.gz,0\n")
    found, failed = find_inputs([table], ("image",))
    assert [one.name for one in found] == ["c0", "c1"]
    assert [one["reason"] for one in failed] == ["nifti_path leads to no file", "nifti_path is a folder"]
    assert found[1].open()["image"].shape[0] == 1


def test_several_images_need_a_manifest(tmp_path):
    make_cohort(tmp_path, ("train",))
    with pytest.raises(UsageError, match="the model takes t1, t2 of each study"):
        find_inputs([tmp_path / "c0.nii.gz"], ("t1", "t2"))
