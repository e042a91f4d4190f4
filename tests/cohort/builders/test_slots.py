"""Two files or lines for one place: no builder takes one of them in silence."""

import json

import pytest

from cohort.builders.test_layouts import nifti, picture
from vesalius.cohort.build import build_cohort
from vesalius.errors import InputError


def test_acdc(tmp_path):
    home = tmp_path / "p1"
    for name in ("p1_4d.nii", "p1_4d.nii.gz", "p1_frame01_gt.nii.gz"):
        nifti(home / name, (4, 3, 2, 5) if "4d" in name else (4, 3, 2))
    nifti(tmp_path / "p2" / "p2_frame01.nii.gz")
    nifti(tmp_path / "p2" / "p2_frame09_gt.nii.gz")
    assert build_cohort("acdc", tmp_path).notes == (
        "without a mask: 1 (p2_frame01)",
        "second files of a frame of a patient, left out: 1 (p1/p1_4d.nii.gz)",
        "masks without an image, left out: 1 (p2/p2_frame09_gt.nii.gz)",
    )
    (home / "Info.cfg").write_text("ED: 1\nES: 1\n")
    with pytest.raises(InputError, match=r"Info\.cfg: calls frame 1 both ED and ES"):
        build_cohort("acdc", tmp_path)


def test_acdc_in_two_splits(tmp_path):
    nifti(tmp_path / "training" / "testing" / "p1" / "p1_frame01.nii.gz")
    with pytest.raises(InputError, match="its folders say test and train; move it below one of them"):
        build_cohort("acdc", tmp_path)


def test_brats(tmp_path):
    for name in (
        "a_t1c.nii.gz",
        "a_t1ce.nii.gz",
        "a_t1.nii.gz",
        "a_t2.nii.gz",
        "a_flair.nii.gz",
        "a_seg.nii",
        "b_seg.nii",
    ):
        nifti(tmp_path / name)
    cohort = build_cohort("brats", tmp_path)
    assert cohort.cases[0].images["t1ce"] == "a_t1c.nii.gz"
    assert cohort.notes == (
        "second files of a modality of a patient, left out: 1 (a_t1ce.nii.gz)",
        "masks without an image, left out: 1 (b_seg.nii)",
    )


def test_nnunet(tmp_path):
    for name in (
        "imagesTr/a_0000.nii.gz",
        "imagesTr/a_0000.nii",
        "imagesTr/b.nii.gz",
        "labelsTr/a.nii",
        "labelsTr/c.nii",
    ):
        nifti(tmp_path / name)
    assert build_cohort("nnunet", tmp_path, ["patient=."]).notes == (
        "files of imagesTr without a channel number, left out: 1 (imagesTr/b.nii.gz)",
        "second files of a channel or mask, left out: 1 (imagesTr/a_0000.nii.gz)",
        "masks of labelsTr without an image, left out: 1 (labelsTr/c.nii)",
    )
    nifti(tmp_path / "imagesTr" / "a_0001.nii.gz")
    (tmp_path / "dataset.json").write_text(json.dumps({"channel_names": {"0": "CT", "1": "CT"}}))
    with pytest.raises(InputError, match="calls two channels 'CT'; give each channel"):
        build_cohort("nnunet", tmp_path)


def test_msd_masks_that_are_not_there(tmp_path):
    nifti(tmp_path / "imagesTr" / "a.nii.gz")
    told = {"training": [{"image": ".\\imagesTr\\a.nii.gz", "label": "labelsTr/a.nii.gz"}]}
    (tmp_path / "dataset.json").write_text(json.dumps(told))
    cohort = build_cohort("msd", tmp_path, ["patient=."])
    assert cohort.cases[0].images == {"image": "imagesTr/a.nii.gz"}
    assert cohort.notes == ("missing masks: 1 (a)",)


def test_voc(tmp_path):
    """Segmentations have the names of the pictures."""
    for name in ("JPEGImages/a.jpg", "SegmentationClass/a.png"):
        picture(tmp_path / name)
    box = "<object><name>x</name><bndbox><xmin>0</xmin><ymin>0</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></object>"
    (tmp_path / "Annotations").mkdir()
    for name in ("a", "z"):
        text = f"<annotation><size><width>3</width><height>4</height></size>{box}</annotation>"
        (tmp_path / "Annotations" / f"{name}.xml").write_text(text)
    cohort = build_cohort("voc", tmp_path)
    assert cohort.cases[0].images == {"image": "JPEGImages/a.jpg"}
    assert cohort.notes == (
        "annotations without a picture, left out: 1 (z)",
        "files whose name is taken, left out: 1 (SegmentationClass/a.png)",
    )
    (tmp_path / "Main").mkdir()
    for split in ("train", "val"):
        (tmp_path / "Main" / f"{split}.txt").write_text("a\n")
    with pytest.raises(InputError, match=r"val\.txt: lists a picture that train\.txt lists too"):
        build_cohort("voc", tmp_path)


def test_nih(tmp_path):
    for name in ("x/1.png", "y/1.png", "x/2.png"):
        picture(tmp_path / name)
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("Image Index;Finding Labels\n1.png;A\nold\\2.png;B|A\n")
    cohort = build_cohort("nih", tmp_path)
    assert [(case.id, case.images["image"], case.labels) for case in cohort] == [("2", "x/2.png", {"A": 1, "B": 1})]
    assert cohort.notes == (
        "only a.csv was read, other tables of this form were left out: 1 (b.csv)",
        "pictures whose name occurs in several folders, left out: 1 (1.png)",
        "without a patient in the table: 1 (2)",
    )


def test_chexpert(tmp_path):
    picture(tmp_path / "train" / "patient1" / "study1" / "v.jpg")
    (tmp_path / "train.csv").write_text(
        "PATH\tfrontal/lateral\tEdema\ntrain\\patient1\\study1\\v.jpg\tFrontal\t0,5\nb.jpg\tLateral\t1\n\tFrontal\t1\n"
    )
    cohort = build_cohort("chexpert", tmp_path)
    assert [(case.patient, case.labels) for case in cohort] == [("patient1", {"Edema": 0.5})]
    assert cohort.notes[1:] == (
        "rows of other than frontal views (frontal=false keeps them), left out: 1",
        "rows without a path, left out: 1",
    )


def test_rsna_lines_that_contradict_each_other(tmp_path):
    lines = ["ID,Label", "ID_a_any,1", "ID_a_any,1", "", "ID_a_any,0"]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"line 5 contradicts an earlier line about the same image \(any\)"):
        build_cohort("rsna-ich", tmp_path)


def test_jsonl(tmp_path):
    picture(tmp_path / "a.png")
    (tmp_path / "t.jsonl").write_text(
        '{"image_path": "a.png", "image_path": "b.png"}\n{"image_path": "a.png", "patient": "p", "patient_id": "q"}\n'
    )
    with pytest.raises(
        InputError, match=r"line 1: image_path: is given twice; .*line 2: patient and patient_id differ"
    ):
        build_cohort("jsonl", tmp_path)
