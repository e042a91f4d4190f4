import nibabel as nib
import numpy as np
import pytest

from cohort.audit.planted import sound
from vesalius.cohort.manifest import read_manifest
from vesalius.errors import OutputError
from vesalius.tasks.cohort.build import build_manifest, lines


def test_a_manifest_beside_or_away_from_the_data(tmp_path):
    (tmp_path / "data").mkdir()
    sound(tmp_path / "data")
    result = build_manifest("images", tmp_path / "data", tmp_path / "out" / "m.csv", ["patient=i(\\d)"])
    assert next(iter(lines(result))) == "all: 20 cases, 10 patients and 10 studies without one"
    cohort = read_manifest(tmp_path / "out" / "m.csv")
    assert all(cohort.path(path).exists() for case in cohort for path in case.paths)
    assert {case.patient for case in cohort if case.patient} == set("0123456789")
    with pytest.raises(OutputError, match="exists already"):
        build_manifest("images", tmp_path / "data", tmp_path / "out" / "m.csv")


def test_what_is_left_out_is_in_the_result_and_in_the_lines(tmp_path):
    write(tmp_path / "sub-1" / "anat", "sub-1_T1w")
    write(tmp_path / "derivatives" / "x" / "sub-1" / "anat", "sub-1_space-MNI_label-lesion_mask")
    result = build_manifest("bids", tmp_path, tmp_path / "m.jsonl")
    (note,) = result.notes
    assert note.endswith("left out: 1 (sub-1_space-MNI_label-lesion_mask.nii.gz)")
    assert f"note: {note}" in list(lines(result))


def write(folder, name):
    folder.mkdir(parents=True)
    nib.save(nib.Nifti1Image(np.zeros((2, 2, 2), np.uint8), np.eye(4)), folder / f"{name}.nii.gz")
