import json
import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from dicom_making import placed, save_all
from real_data import real
from tasks.evaluate.codec.fake import write_cohort
from vesalius.cohort.ends import Ends
from vesalius.errors import InputError, UsageError
from vesalius.tasks.evaluate.codec.studies import find_studies, heart_box, read_mask


def test_acdc_layout(tmp_path):
    studies = find_studies([write_cohort(tmp_path / "cohort")])
    assert [(one.data_set, one.name) for one in studies] == [("cohort", "patient001"), ("cohort", "patient002")]
    first = studies[0]
    assert [path.name for path in first.masks] == ["patient001_frame02_gt.nii.gz", "patient001_frame05_gt.nii.gz"]
    assert first.ends == Ends(1, 4, "Info.cfg")
    assert first.source_bytes == first.path.stat().st_size
    assert first.scan().shape == (1, 6, 24, 20, 4)
    assert first.scan().t_meaning == "time"
    assert first.open().t_meaning == "unknown"


def test_one_patient_and_one_file_belong_to_the_same_data_set(tmp_path):
    cohort = write_cohort(tmp_path / "cohort")
    folder, file = cohort / "patient001", cohort / "patient002" / "patient002_4d.nii.gz"
    studies = find_studies([folder, file, folder])
    assert [(one.data_set, one.name) for one in studies] == [("cohort", "patient001"), ("cohort", "patient002")]


def test_relative_paths(tmp_path, monkeypatch):
    cohort = write_cohort(tmp_path / "cohort", patients=1)
    monkeypatch.chdir(cohort / "patient001")
    for path in (Path(), Path("patient001_4d.nii.gz"), Path("..")):
        (study,) = find_studies([path])
        assert (study.data_set, study.name) == ("cohort", "patient001")


def test_masks_by_either_name(tmp_path):
    cohort = write_cohort(tmp_path / "cohort", patients=1)
    own = cohort / "patient001"
    (own / "patient001_frame02_gt.nii.gz").rename(own / "patient001_ED_gt.nii.gz")
    (own / "patient001_frame05_gt.nii.gz").rename(own / "patient001_frame5_gt.nii.gz")
    (own / "patient0012_frame05_gt.nii.gz").write_bytes(b"another patient")
    (study,) = find_studies([cohort])
    assert [path.name for path in study.masks] == ["patient001_ED_gt.nii.gz", "patient001_frame5_gt.nii.gz"]


def test_only_the_frames_that_info_names_count(tmp_path):
    cohort = write_cohort(tmp_path / "cohort", patients=1)
    own = cohort / "patient001"
    (own / "Info.cfg").write_text("ED: 2\nES: 4\n")
    (study,) = find_studies([cohort])
    assert [path.name for path in study.masks] == ["patient001_frame02_gt.nii.gz"]
    (own / "Info.cfg").unlink()
    (study,) = find_studies([cohort])
    assert len(study.masks) == 2
    assert (study.ends, study.data_set) == (None, "cohort")


def test_other_folders_give_every_scan(tmp_path):
    for name in ("a", "b"):
        nib.save(nib.Nifti1Image(np.zeros((3, 4, 5), np.int16), np.eye(4)), tmp_path / f"{name}.nii")
    studies = find_studies([tmp_path])
    assert [(one.data_set, one.name, one.masks) for one in studies] == [
        (tmp_path.name, "a", ()),
        (tmp_path.name, "b", ()),
    ]


def test_equal_names_get_a_number(tmp_path):
    for part in ("x", "y"):
        (tmp_path / part).mkdir()
        nib.save(nib.Nifti1Image(np.zeros((3, 4, 5), np.int16), np.eye(4)), tmp_path / part / "a.nii")
    assert [one.name for one in find_studies([tmp_path])] == ["a", "a-2"]


def test_heart_box(tmp_path):
    (study,) = find_studies([write_cohort(tmp_path / "cohort", patients=1)])
    box, note = heart_box(study, study.scan())
    assert box == (slice(11 - 7, 13 + 7), slice(9 - 5, 11 + 5), slice(0, 4))
    assert note == ""


def test_why_there_is_no_heart_box(tmp_path):
    cohort = write_cohort(tmp_path / "cohort", patients=1)
    (study,) = find_studies([cohort])
    for shape, words in (((24, 20, 4), "empty"), ((24, 20, 3), "another grid")):
        for path in study.masks:
            nib.save(nib.Nifti1Image(np.zeros(shape, np.uint8), np.eye(4)), path)
        box, note = heart_box(study, study.scan())
        assert box is None
        assert words in note
    study.masks[0].write_bytes(b"broken")
    with pytest.raises(InputError):
        heart_box(study, study.scan())


def test_what_cannot_be_found(tmp_path):
    with pytest.raises(InputError, match="no such"):
        find_studies([tmp_path / "absent"])
    with pytest.raises(UsageError, match="no scan"):
        find_studies([])


@pytest.mark.data
@pytest.mark.parametrize(("folder", "count"), [("cine-acdc-sample", 5), ("cine-sunnybrook", 4)])
def test_real_cohorts(folder, count):
    studies = find_studies([real(folder)])
    assert len(studies) == count
    for study in studies:
        scan = study.scan()
        assert scan.t_meaning == "time"
        assert len(study.masks) == 2
        assert 0 < study.ends.es < scan.shape[1]
    box, _ = heart_box(studies[0], studies[0].scan())
    assert box is not None


def test_masks_by_frame(tmp_path):
    own = write_cohort(tmp_path / "cohort", patients=1) / "patient001"
    (own / "patient001_frame05_gt.nii.gz").rename(own / "patient001_ES_gt.nii.gz")
    (study,) = find_studies([own])
    assert study.ends.frames == (1, 4)
    assert {frame: path.name for frame, path in study.masks_by_frame.items()} == {
        1: "patient001_frame02_gt.nii.gz",
        4: "patient001_ES_gt.nii.gz",
    }
    (own / "Info.cfg").unlink()
    (study,) = find_studies([own])
    assert study.ends is None
    assert list(study.masks_by_frame) == [1]  # nobody says which frame is ES


def test_a_closed_folder_beside_patients_is_a_study_that_fails(tmp_path, monkeypatch):
    write_cohort(tmp_path / "data", patients=1)
    (tmp_path / "data" / "closed").mkdir()
    scandir = os.scandir

    def refusing(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    *_, last = find_studies([tmp_path / "data"])
    with pytest.raises(InputError, match=r"closed: cannot be listed \(Permission denied\)"):
        last.scan()


def test_a_mask_that_was_stored_scaled_is_read_by_its_labels(tmp_path):
    """nibabel stores float labels from 1 to 4 with an intercept: the stored 0 is not the label 0."""
    labels = np.arange(24, dtype=np.float64).reshape(2, 3, 4) % 4 + 1
    image = nib.Nifti1Image(labels, np.eye(4))
    image.set_data_dtype(np.int16)
    nib.save(image, tmp_path / "m.nii")
    assert nib.load(tmp_path / "m.nii").dataobj.inter != 0
    np.testing.assert_array_equal(read_mask(tmp_path / "m.nii"), labels)
    nib.save(nib.Nifti1Image(labels / 2, np.eye(4)), tmp_path / "m.nii")
    with pytest.raises(InputError, match="one of the masks holds values other than whole numbers"):
        read_mask(tmp_path / "m.nii")


def test_a_manifest_says_patients_masks_and_frames(tmp_path):
    cohort = write_cohort(tmp_path / "cohort")
    lines = [
        {
            "id": f"study-{number}",
            "patient": "A",
            "images": {"image": f"patient00{number}/patient00{number}_4d.nii.gz"},
            "masks": {"ED": f"patient00{number}/patient00{number}_frame02_gt.nii.gz"},
            "frames": {"ED": 1},
            "facts": {"ed_frame": 1, "es_frame": 4},
        }
        for number in (1, 2)
    ]
    (cohort / "hearts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    studies = find_studies([cohort / "hearts.jsonl"])
    assert [(one.data_set, one.name, one.owner) for one in studies] == [
        ("hearts", "study-1", ("A", True)),
        ("hearts", "study-2", ("A", True)),
    ]
    assert (studies[0].ends, list(studies[0].masks_by_frame)) == (Ends(1, 4, "the manifest"), [1])


def test_known_layouts_say_whose_scans_they_are(tmp_path):
    for session in ("ses-1", "ses-2"):
        folder = tmp_path / "bids" / "sub-1" / session / "anat"
        folder.mkdir(parents=True)
        nib.save(nib.Nifti1Image(np.zeros((3, 4, 5), np.int16), np.eye(4)), folder / f"sub-1_{session}_T1w.nii.gz")
    first, second = find_studies([tmp_path / "bids"])
    assert first.owner == second.owner
    assert first.owner[1]
    assert first.data_set == "bids"
    assert first.name != second.name
    (lone,) = find_studies([first.path])
    assert lone.owner == (lone.name, False)


def test_dicom_headers_say_the_patient(tmp_path):
    for number, patient in enumerate(("A", "A", "B")):
        (tmp_path / f"s{number}").mkdir()
        slices = [placed(np.full((4, 6), n, np.int16), (0, 0, n), PatientID=patient) for n in range(3)]
        for one in slices:
            one.SeriesInstanceUID = f"1.2.3.{number}"
        save_all(slices, tmp_path / f"s{number}")
    owners = [one.owner for one in find_studies([tmp_path])]
    assert all(is_patient for _, is_patient in owners)
    assert len(owners) == 3
    assert len(set(owners)) == 2


def test_a_mistake_in_a_folder_of_hearts_is_reported(tmp_path):
    own = write_cohort(tmp_path / "cohort", patients=1) / "patient001"
    (own / "Info.cfg").write_text("ED: 2\nES: 2\n")
    with pytest.raises(InputError, match="both ED and ES"):
        find_studies([tmp_path / "cohort"])
