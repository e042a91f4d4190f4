"""Each layout written small, with what goes wrong in practice: other spellings, missing files, odd tables."""

import json
import os

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from dicom_making import TEST_FILES, placed, save_all
from vesalius.cohort.build import BUILDERS, build_cohort
from vesalius.cohort.builders.files import files_below
from vesalius.cohort.builders.series import is_series_table, read_series
from vesalius.cohort.read import open_image
from vesalius.errors import ConfigError, InputError


def nifti(path, shape=(4, 3, 2)):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(np.arange(np.prod(shape), dtype=np.int16).reshape(shape), np.eye(4)), path)


def picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((4, 3), np.uint8)).save(path)


def test_acdc_with_parents_and_without_4d(tmp_path):
    nifti(tmp_path / "training" / "patient001" / "patient001_4d.nii.gz", (4, 3, 2, 5))
    nifti(tmp_path / "training" / "patient001" / "patient001_frame01_gt.nii.gz")
    (tmp_path / "training" / "patient001" / "Info.cfg").write_text(
        "ED: 1\nES: 4\nGroup: DCM\nHeight: 180.0\nWeight: 70\n"
    )
    nifti(tmp_path / "testing" / "patiënt 2" / "patiënt 2_frame01.nii")
    nifti(tmp_path / "testing" / "patiënt 2" / "patiënt 2_frame01_gt.nii")
    nifti(tmp_path / "testing" / "patiënt 2" / "patiënt 2_frame07.nii")
    first, other, one = build_cohort("acdc", tmp_path)
    assert (one.id, one.split, one.frames) == ("patient001", "train", {"ED": 0})
    assert one.facts == {"group": "DCM", "height_cm": 180.0, "weight_kg": 70, "ed_frame": 0, "es_frame": 3}
    assert (first.id, first.patient, first.split) == ("patiënt 2_frame01", "patiënt 2", "test")
    assert list(first.masks) == ["mask"]
    assert not other.masks


def test_brats_of_all_years(tmp_path):
    for end in ("t1", "t1ce", "t2", "flair", "seg"):
        nifti(tmp_path / "BraTS20_001" / f"BraTS20_001_{end}.nii.gz")
    for visit in ("000", "001"):
        for end in ("t1n", "t1c", "t2w", "t2f"):
            nifti(tmp_path / f"BraTS-GLI-00002-{visit}" / f"BraTS-GLI-00002-{visit}-{end}.nii.gz")
    nifti(tmp_path / "X" / "X_FLAIR.nii")
    cohort = build_cohort("brats", tmp_path)
    first, second, old, lone = cohort
    assert first.patient == second.patient == "BraTS-GLI-00002"
    assert first.study != second.study
    assert list(first.images) == list(old.images) == ["t1", "t1ce", "t2", "flair"]
    assert old.masks
    assert (lone.patient, list(lone.images)) == ("X", ["flair"])
    assert cohort.notes == (
        "without all four modalities: 1 (X)",
        "without a mask: 3 (BraTS-GLI-00002-000, BraTS-GLI-00002-001, X)",
    )


def test_msd_with_modalities_and_missing_files(tmp_path):
    nifti(tmp_path / "imagesTr" / "BRATS_001.nii.gz", (4, 3, 2, 4))
    nifti(tmp_path / "imagesTs" / "BRATS_485.nii.gz", (4, 3, 2, 4))
    told = {
        "modality": {"0": "FLAIR", "1": "T1w", "2": "t1gd", "3": "T2w"},
        "labels": {"0": "background", "1": "edema"},
        "training": [
            {"image": "./imagesTr/BRATS_001.nii.gz", "label": "./labelsTr/BRATS_001.nii.gz"},
            {"image": "./imagesTr/BRATS_002.nii.gz", "label": "./labelsTr/BRATS_002.nii.gz"},
        ],
        "test": ["./imagesTs/BRATS_485.nii.gz"],
    }
    (tmp_path / "dataset.json").write_text("\ufeff" + json.dumps(told), encoding="utf-8")
    cohort = build_cohort("msd", tmp_path, ["patient=BRATS_(\\d)"])
    assert [(case.id, case.split, case.fourth_axis, case.patient) for case in cohort] == [
        ("BRATS_001", "train", "channel", "0"),
        ("BRATS_485", "test", "channel", "4"),
    ]
    assert "missing images: 1 (BRATS_002)" in cohort.notes
    assert open_image(cohort, cohort.cases[0], "image").shape == (4, 1, 4, 3, 2)
    with pytest.raises(ConfigError, match="patien: no such key; did you mean 'patient'"):
        build_cohort("msd", tmp_path, ["patien=x"])
    with pytest.raises(InputError, match="is not a regular expression"):
        build_cohort("msd", tmp_path, ["patient=("])
    (tmp_path / "dataset.json").write_text("{")
    with pytest.raises(InputError, match="not a readable JSON file"):
        build_cohort("msd", tmp_path)


def test_nnunet_of_both_versions(tmp_path):
    for name in ("la_003", "la_004"):
        for channel in ("0000", "0001"):
            nifti(tmp_path / "imagesTr" / f"{name}_{channel}.nii.gz")
    nifti(tmp_path / "labelsTr" / "la_003.nii.gz")
    nifti(tmp_path / "imagesTs" / "la_003_0000.nii.gz")
    (tmp_path / "dataset.json").write_text(
        json.dumps({"channel_names": {"0": "MRI", "1": "T2"}, "file_ending": ".nii.gz"})
    )
    cohort = build_cohort("nnunet", tmp_path)
    assert [(case.id, case.split, list(case.images), bool(case.masks)) for case in cohort] == [
        ("la_003", "train", ["MRI", "T2"], True),
        ("la_004", "train", ["MRI", "T2"], False),
        ("test-la_003", "test", ["image"], False),
    ]
    assert cohort.notes[0] == "training cases without a mask: 1 (la_004)"


def test_bids(tmp_path):
    nifti(tmp_path / "sub-01" / "ses-a" / "anat" / "sub-01_ses-a_T1w.nii.gz")
    nifti(tmp_path / "sub-01" / "ses-a" / "func" / "sub-01_ses-a_task-rest_run-1_bold.nii.gz", (4, 3, 2, 5))
    nifti(tmp_path / "sub-02" / "anat" / "sub-02_T1w.nii.gz")
    nifti(tmp_path / "derivatives" / "tool" / "sub-02" / "anat" / "sub-02_desc-lesion_mask.nii.gz")
    nifti(tmp_path / "derivatives" / "tool" / "sub-02" / "anat" / "sub-02_desc-smooth_T1w.nii.gz")
    (tmp_path / "participants.tsv").write_bytes(b"participant_id\tage\tsex\r\nsub-01\t61\tn/a\r\n")
    cohort = build_cohort("bids", tmp_path)
    anat, func, second = cohort
    assert (anat.patient, anat.study, anat.facts) == (
        "sub-01",
        "sub-01_ses-a",
        {"suffix": "T1w", "type": "anat", "age": 61},
    )
    assert func.facts["task"] == "rest"
    assert (second.study, list(second.masks)) == ("sub-02", ["mask_lesion"])
    assert cohort.notes == (
        "not in participants.tsv: 1 (sub-02) subjects",
        "derived images, left out: 1 (sub-02_desc-smooth_T1w.nii.gz)",
    )


SIX = "any,epidural,intraparenchymal,intraventricular,subarachnoid,subdural"


def test_rsna_series_table_with_bad_paths(tmp_path):
    nifti(tmp_path / "n" / "a.nii.gz")
    nifti(tmp_path / "m" / "a.nii.gz")
    (tmp_path / "n" / "folder").mkdir()
    rows = [
        f"nifti_path,{SIX},study_uid,patient_id",
        "n/a.nii.gz,1,0,1,0,0,0,s1,p1",
        "m/a.nii.gz,,0,0,0,0,1,s2,",
        "n/folder,1,0,1,0,0,0,s3,p3",
        "n/none.nii.gz,1,0,1,0,0,0,s4,p4",
        ",1,0,1,0,0,0,s5,p5",
    ]
    (tmp_path / "series.csv").write_bytes("\r\n".join(rows).encode())
    cohort = build_cohort("rsna-ich", tmp_path)
    one, other = cohort
    assert (one.id, one.patient, one.study, one.labels["any"]) == ("a", "p1", "s1", 1)
    assert (other.id, other.patient, other.labels["any"]) == ("a-2", None, 1)  # the maximum of the others
    assert cohort.notes == ("rows whose nifti_path is not a NIfTI file, left out: 3 (line 4, line 5, line 6)",)
    (tmp_path / "series.csv").write_text(f"nifti_path,{SIX}\nn/a.nii.gz,often,0,0,0,0,0\n")
    with pytest.raises(InputError, match=r"line 2: the label \w+ is not a number"):
        build_cohort("rsna-ich", tmp_path)


def test_rsna_series_table_tells_what_leads_nowhere(tmp_path):
    nifti(tmp_path / "a.nii.gz")
    (tmp_path / "b").mkdir()
    (tmp_path / "c.txt").touch()
    table = tmp_path / "t.csv"
    table.write_text('"NIfTI_path",any,patient_id\na.nii.gz,1,p\nb,0,p\n,0,p\nnone.nii,0,p\nc.txt,,p\n')
    assert is_series_table(table)
    cohort, bad, _ = read_series(table)
    assert [(case.id, case.patient, case.labels) for case in cohort] == [("a", "p", {"any": 1.0})]
    assert [(one.id, one.reason) for one in bad] == [
        ("line 3", "nifti_path is a folder"),
        ("line 4", "nifti_path is empty"),
        ("line 5", "nifti_path leads to no file"),
        ("line 6", "nifti_path is not a .nii or .nii.gz file"),
    ]
    (tmp_path / "m.csv").write_text("id,image\na,a.nii.gz\n")
    assert not is_series_table(tmp_path / "m.csv")
    assert not is_series_table(tmp_path / "none.csv")


def test_rsna_long_table_with_loose_dicom(tmp_path):
    from pydicom import dcmread

    rows = ["ID,Label"]
    for number, (patient, study, series) in enumerate(
        [("A", "1.1", "1.1.1"), ("A", "1.1", "1.1.1"), ("B", "1.2", "1.2.1")]
    ):
        data = dcmread(TEST_FILES / "CT_small.dcm")
        data.PatientID, data.StudyInstanceUID, data.SeriesInstanceUID = patient, study, series
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = f"1.9.{number}"
        data.ImagePositionPatient = [0, 0, 5 * number]
        data.save_as(tmp_path / f"ID_{number}.dcm")
        rows += [f"ID_{number}_{name},{int(number == 1 and name in ('any', 'subdural'))}" for name in SIX.split(",")]
    rows.append("ID_gone_any,0")
    (tmp_path / "stage_2_train.csv").write_text("\n".join(rows))
    cohort = build_cohort("rsna-ich", tmp_path)
    one, other = cohort
    assert (one.labels["any"], one.labels["subdural"], one.labels["epidural"]) == (1, 1, 0)
    assert not any(other.labels.values())
    assert one.patient != other.patient
    assert one.patient.startswith("p-")
    assert "1 labelled images have no file" in cohort.notes
    assert open_image(cohort, one, "image").shape[4] == 2
    slices = build_cohort("rsna-ich", tmp_path, ["per=slice", "keep_identifiers=true"])
    assert [(case.id, case.patient, case.labels["any"]) for case in slices] == [
        ("ID_0", "A", 0),
        ("ID_1", "A", 1),
        ("ID_2", "B", 0),
    ]


def test_chexpert_and_its_policies(tmp_path):
    picture(tmp_path / "train" / "patient00001" / "study1" / "view1_frontal.jpg")
    picture(tmp_path / "train" / "patient00001" / "study1" / "view2_lateral.jpg")
    head = "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Edema,Fracture\n"
    base = "CheXpert-v1.0-small/train/patient00001/study1/"
    (tmp_path / "train.csv").write_text(
        head
        + f"{base}view1_frontal.jpg,Female,68,Frontal,AP,1.0,-1.0,\n"
        + f"{base}view2_lateral.jpg,Female,68,Lateral,,1.0,1.0,\n"
        + f"{base}view9_frontal.jpg,Female,68,Frontal,PA,0.0,0.0,0.0\n"
    )
    cohort = build_cohort("chexpert", tmp_path)
    (case,) = cohort
    assert (case.patient, case.study, case.split) == ("patient00001", "patient00001/study1", "train")
    assert case.labels == {"No Finding": 1, "Fracture": 0}
    assert case.facts == {"sex": "F", "age": 68, "projection": "Frontal", "view": "AP"}
    assert "missing images: 1 (train-patient00001-study1-view9_frontal)" in cohort.notes
    for policy, value in (("ones", 1), ("zeros", 0)):
        assert build_cohort("chexpert", tmp_path, [f"uncertain={policy}"]).cases[0].labels["Edema"] == value
    assert "Fracture" not in build_cohort("chexpert", tmp_path, ["blank=ignore"]).cases[0].labels
    assert len(build_cohort("chexpert", tmp_path, ["frontal=false"])) == 2


def test_nih_with_the_original_header(tmp_path):
    picture(tmp_path / "images_001" / "00000001_000.png")
    (tmp_path / "Data_Entry_2017.csv").write_text(
        "\ufeffImage Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position\n"
        "00000001_000.png,Cardiomegaly|Emphysema,0,1,58,M,PA\n00000002_000.png,No Finding,0,2,81,M,AP\n",
        encoding="utf-8",
    )
    cohort = build_cohort("nih", tmp_path)
    (case,) = cohort
    assert (case.id, case.patient) == ("00000001_000", "1")
    assert case.labels == {"Cardiomegaly": 1, "Emphysema": 1}
    assert case.facts == {"age": 58, "sex": "M", "view": "PA", "follow_up": 0}
    assert cohort.notes == ("missing images: 1 (00000002_000.png)",)


def test_jsonl_tells_every_bad_line(tmp_path):
    picture(tmp_path / "a.png")
    path = tmp_path / "train.jsonl"
    path.write_text('{"image_path": "a.png", "caption": "é", "mask_path": null, "stain": "HE", "patient_id": 7}\n')
    (case,) = build_cohort("jsonl", tmp_path)
    assert (case.caption, case.masks, case.facts, case.patient) == ("é", {}, {"stain": "HE"}, "7")
    assert build_cohort("jsonl", path).cases == (case,)
    path.write_text(
        '{"image_path": "a.png"}\n{\n{"caption": "x"}\n{"image_path": "a.png", "boxes_cxcywh": [["a", 1]]}\n'
    )
    with pytest.raises(
        InputError, match=r"3 bad line\(s\): train.jsonl line 2: .*line 3: has no image_path.*line 4: .*is not a box"
    ):
        build_cohort("jsonl", tmp_path)


def test_voc_refuses_entities_and_clips_boxes(tmp_path):
    picture(tmp_path / "JPEGImages" / "a.jpg")
    picture(tmp_path / "JPEGImages" / "b.jpg")
    box = "<object><name>RBC</name><bndbox><xmin>{}</xmin><ymin>0</ymin><xmax>{}</xmax><ymax>2</ymax></bndbox></object>"
    text = (
        f"<annotation><size><width>3</width><height>4</height></size>{box.format(-1, 9)}{box.format(2, 2)}</annotation>"
    )
    (tmp_path / "a.xml").write_text(text)
    cohort = build_cohort("voc", tmp_path)
    (case,) = cohort
    assert [(one.label, one.left, one.right, one.bottom) for one in case.boxes] == [("RBC", 0, 1, 0.5)]
    assert cohort.notes == ("pictures without boxes, left out: 1 (b)", "1 boxes without area were left out")
    for wrong in ('<!DOCTYPE x [<!ENTITY a "b">]>' + text, text[:40], text.replace("<width>3", "<width>0")):
        (tmp_path / "a.xml").write_text(wrong)
        with pytest.raises(InputError, match="is not a readable annotation"):
            build_cohort("voc", tmp_path)


def test_medmnist_of_several_classes(tmp_path):
    np.savez(
        tmp_path / "x.npz",
        train_images=np.zeros((3, 4, 4), np.uint8),
        train_labels=np.array([[0], [2], [1]]),
        test_images=np.zeros((1, 4, 4), np.uint8),
        test_labels=np.array([[2]]),
    )
    cohort = build_cohort("medmnist", tmp_path)
    assert cohort.splits == {"train": 3, "test": 1}
    assert cohort.cases[1].labels == {"class0": 0, "class1": 0, "class2": 1}
    assert open_image(cohort, cohort.cases[3], "image").shape == (1, 1, 4, 4, 1)
    np.savez(tmp_path / "x.npz", train_images=np.zeros((3, 4, 4)), train_labels=np.zeros((2, 1)))
    with pytest.raises(InputError, match="has 3 train images and 2 labels"):
        build_cohort("medmnist", tmp_path)


def test_images_by_folder(tmp_path):
    picture(tmp_path / "cat" / "1.PNG")
    picture(tmp_path / "dog" / "1.png")
    nifti(tmp_path / "dog" / "v.nii.gz")
    (tmp_path / ".hidden").mkdir()
    picture(tmp_path / ".hidden" / "x.png")
    (tmp_path / "dog" / "loop").symlink_to(tmp_path)
    cohort = build_cohort("images", tmp_path, ["label_from_folder=true"])
    assert [(case.id, case.labels) for case in cohort] == [
        ("cat/1.PNG", {"cat": 1, "dog": 0}),
        ("dog/1.png", {"cat": 0, "dog": 1}),
        ("v", {"cat": 0, "dog": 1}),
    ]


def test_images_in_nested_folders_of_splits_and_classes(tmp_path):
    for place in ("train/cat/p1/a.png", "Valid/dog/p2/b.png", "test/cat/p3/c.png", "extra.png"):
        picture(tmp_path / "data" / place)
    options = ["split_from_folder=true", "label=(?i)(train|valid|test)/(?P<label>[^/]+)/", r"patient=/(p\d)/"]
    cohort = build_cohort("images", tmp_path / "data", options)
    assert [(case.id, case.split, case.labels, case.patient) for case in cohort] == [
        ("extra", None, {}, None),
        ("b", "val", {"cat": 0, "dog": 1}, "p2"),
        ("c", "test", {"cat": 1, "dog": 0}, "p3"),
        ("a", "train", {"cat": 1, "dog": 0}, "p1"),
    ]
    assert cohort.notes == (
        "without a class in their path: 1 (extra)",
        "below no folder of a split: 1 (extra)",
        "without a patient, as patient=REGEX does not match: 1 (extra)",
    )
    with pytest.raises(ConfigError, match="label and label_from_folder exclude each other"):
        build_cohort("images", tmp_path, ["label=x", "label_from_folder=true"])


@pytest.mark.parametrize("layout", BUILDERS)
def test_another_layout_is_said_in_one_line(tmp_path, layout):
    (tmp_path / "readme.txt").write_text("nothing")
    with pytest.raises(InputError, match=r"is not a .* folder: ") as caught:
        build_cohort(layout, tmp_path)
    assert "\n" not in str(caught.value)


def test_dicom_that_cannot_be_read_is_noted(tmp_path):
    paths = save_all([placed(np.full((4, 6), n, np.int16), (0, 0, n)) for n in range(5)], tmp_path / "in")
    paths[1].write_bytes(paths[1].read_bytes()[:300])
    paths[2].write_bytes(b"")
    bare = paths[3].read_bytes()[132:]
    paths[3].unlink()
    (tmp_path / "in" / "IM3").write_bytes(bare)
    (tmp_path / "in" / "more.zip").write_bytes(b"PK\x03\x04")
    cohort = build_cohort("dicom", tmp_path / "in")
    (case,) = cohort
    assert case.facts["instances"] == 3
    names = ", ".join([paths[1].name, paths[2].name, "more.zip"])
    assert f"unreadable files, left out: 3 ({names}); {paths[1].name} was cut within its header" in cohort.notes
    for path in (paths[0], paths[4], tmp_path / "in" / "IM3"):
        path.unlink()
    with pytest.raises(InputError, match="was cut within its header"):
        build_cohort("dicom", tmp_path / "in")


def test_a_closed_folder_and_a_fifo_stop_a_build(tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    np.save(tmp_path / "a.npy", np.zeros((4, 4)))
    walk = os.scandir

    def refusing(path):
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", str(path))
        return walk(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refusing)
        with pytest.raises(InputError, match=r"sub: cannot be listed \(Permission denied\)"):
            build_cohort("auto", tmp_path)
        with pytest.raises(InputError, match=r"sub: cannot be listed \(Permission denied\)"):
            list(files_below(tmp_path))
    os.mkfifo(tmp_path / "sub" / "x.nii")
    with pytest.raises(InputError, match=r"x\.nii: is a FIFO, not a file"):
        build_cohort("images", tmp_path)
