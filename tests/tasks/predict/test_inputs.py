import numpy as np
import pytest

from tasks.segment.small import make_cohort
from vesalius.errors import UsageError
from vesalius.tasks.predict.inputs import find_inputs


def test_files_folders_and_manifests(tmp_path):
    manifest = make_cohort(tmp_path / "one", ("train", "val"))
    make_cohort(tmp_path / "two", ("train",))
    found, failed = find_inputs([manifest, tmp_path / "two" / "c0.nii.gz", tmp_path / "none.nii"], ("image",))
    assert [one.name for one in found] == ["c0", "c1", "c0-2"]
    assert [one["path"] for one in failed] == [str(tmp_path / "none.nii")]
    first, third = found[0].open()["image"], found[2].open()["image"]
    np.testing.assert_array_equal(first.stored(), third.stored())


def test_several_images_need_a_manifest(tmp_path):
    make_cohort(tmp_path, ("train",))
    with pytest.raises(UsageError, match="the model takes t1, t2 of each study"):
        find_inputs([tmp_path / "c0.nii.gz"], ("t1", "t2"))
