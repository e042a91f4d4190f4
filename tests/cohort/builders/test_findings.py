"""Labels of chest X-rays, and the tables of CheXpert and NIH ChestX-ray14 with the columns of the real files."""

import gzip

import numpy as np
import pytest
from PIL import Image

from vesalius.cohort.build import build_cohort
from vesalius.cohort.builders.findings import FindingOptions, age_years, known_labels, sex
from vesalius.cohort.case import Box
from vesalius.errors import InputError

FOURTEEN = (
    "No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,Lung Lesion,Edema,Consolidation,Pneumonia,"
    "Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,Fracture,Support Devices"
)
NONE = "," * 13


def picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.eye(8, dtype=np.uint8) * 200).save(path)


@pytest.mark.parametrize(
    ("cell", "uncertain", "blank", "value"),
    [
        ("1.0", "ones", "zeros", 1),
        ("0", "ones", "zeros", 0),
        ("-1.0", "ones", "zeros", 1),
        ("-1", "zeros", "zeros", 0),
        ("-1", "ignore", "zeros", None),
        ("", "ones", "zeros", 0),
        ("", "ones", "ignore", None),
        ("nan", "ones", "zeros", None),
    ],
)
def test_the_policies(tmp_path, cell, uncertain, blank, value):
    options = FindingOptions(uncertain=uncertain, blank=blank)
    assert known_labels({"edema": cell}, options, tmp_path).get("edema") == value


@pytest.mark.parametrize("cell", ["2", "-0.5", "yes", "1e999"])
def test_another_label_is_one_line(tmp_path, cell):
    with pytest.raises(InputError, match="is none of 1, 0 and -1; write 1, 0, -1 or nothing"):
        known_labels({"edema": cell}, FindingOptions(), tmp_path)


def test_ages_and_sexes():
    assert [age_years(text) for text in ("7", "007Y", "006M", "052W", "365D", "old", "-3")] == [
        *(7, 7, 0.5, 1.0, 1.0),
        *(None, None),
    ]
    assert [sex(text) for text in ("Female", "m", "O", "Unknown", "")] == ["F", "M", "O", None, None]


def test_chexpert_with_its_other_tables_and_the_test_set(tmp_path):
    root = tmp_path / "CheXpert-v1.0-small"
    for place in ("train/patient00002/study2/view1_frontal.jpg", "valid/patient64541/study1/view1_frontal.jpg"):
        picture(root / place)
    picture(root / "test/patient64741/study1/view1_frontal.jpg")
    picture(root / "test/patient64741/study1/view2_lateral.jpg")
    head = f"Path,Sex,Age,Frontal/Lateral,AP/PA,{FOURTEEN}\n"
    labels = f"{',' * 8}1.0{',' * 5}"
    row = f"CheXpert-v1.0-small/train/patient00002/study2/view1_frontal.jpg,Unknown,87,Frontal,AP,{labels}\n"
    (root / "train.csv").write_text(head + row)
    (root / "train_cheXbert.csv").write_text(head + row)
    with gzip.open(root / "valid.csv.gz", "wt") as file:
        place = "CheXpert-v1.0-small/valid/patient64541/study1/view1_frontal.jpg"
        file.write(f"{head}{place},Male,73,Frontal,PA,1.0{NONE}\n")
    (root / "test_labels.csv").write_text(
        f"Path,{FOURTEEN}\n"
        + "".join(f"test/patient64741/study1/{view}.jpg,0.0{NONE}\n" for view in ("view1_frontal", "view2_lateral"))
    )
    cohort = build_cohort("chexpert", tmp_path)
    by_split = {case.split: case for case in cohort}
    assert len(cohort) == 3
    assert by_split["train"].labels["Atelectasis"] == 1
    assert by_split["train"].facts == {"age": 87, "projection": "Frontal", "view": "AP"}
    assert by_split["val"].facts == {"sex": "M", "age": 73, "projection": "Frontal", "view": "PA"}
    assert (by_split["test"].patient, by_split["test"].facts) == ("patient64741", {"projection": "Frontal"})
    assert "tables of other names, left out: 1 (train_cheXbert.csv)" in cohort.notes
    assert len(build_cohort("chexpert", tmp_path, ["frontal=false"])) == 4


def test_chexpert_in_the_batches_of_its_download(tmp_path):
    tables = tmp_path / "CheXpert-v1.0 batch 1 (validate & csv)"
    for place in (
        "CheXpert-v1.0 batch 2 (train 1)/patient00002/study2/view1_frontal.jpg",
        "CheXpert-v1.0 batch 4 (train 3)/patient64540/study1/view1_frontal.jpg",
        "CheXpert-v1.0 batch 1 (validate & csv)/valid/patient64541/study1/view1_frontal.jpg",
    ):
        picture(tmp_path / place)
    head = f"Path,Sex,Age,Frontal/Lateral,AP/PA,{FOURTEEN}\n"
    for name, patients in (
        ("train", ("patient00002/study2", "patient64540/study1")),
        ("valid", ["patient64541/study1"]),
    ):
        rows = (f"CheXpert-v1.0/{name}/{who}/view1_frontal.jpg,Male,73,Frontal,PA,1.0{NONE}\n" for who in patients)
        (tables / f"{name}.csv").write_text(head + "".join(rows))
    cohort = build_cohort("chexpert", tmp_path)
    assert [(case.patient, case.split) for case in cohort] == [
        ("patient00002", "train"),
        ("patient64540", "train"),
        ("patient64541", "val"),
    ]
    assert all(cohort.path(case.images["image"]).is_file() for case in cohort)
    for name in ("train.csv", "valid.csv"):
        (tables / name).rename(tmp_path / name)
    assert [case.patient for case in build_cohort("chexpert", tmp_path)][:2] == ["patient00002", "patient64540"]


def test_nih_with_boxes_and_the_official_test_split(tmp_path):
    for name in ("00000013_005.png", "00000017_001.png"):
        picture(tmp_path / "images_001" / "images" / name)
    head = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    (tmp_path / "Data_Entry_2017.csv").write_text(
        head
        + "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],\n"
        + "00000013_005.png,Emphysema|Infiltration,005,13,060Y,M,AP,3056,2544,0.139,0.139,\n"
        + "00000017_001.png,No Finding,001,17,011M,F,PA,2992,2991,0.143,0.143,\n"
    )
    (tmp_path / "BBox_List_2017.csv").write_text(
        "Image Index,Finding Label,Bbox [x,y,w,h],,,\n00000013_005.png,Infiltrate,256,512,512.0,600,,,\n"
    )
    (tmp_path / "test_list.txt").write_text("00000013_005.png\r\n")
    (tmp_path / "train_val_list.txt").write_text("00000017_001.png\n")
    first, second = build_cohort("nih", tmp_path)
    assert first.boxes == (Box(label="Infiltration", left=0.25, top=0.5, right=0.75, bottom=1.0),)
    assert (first.split, second.split, second.boxes) == ("test", None, ())
    assert [first.facts["age"], second.facts["age"]] == [60, 0.92]
    (tmp_path / "BBox_List_2017.csv").write_text(
        "Image Index,Finding Label,Bbox [x,y,w,h],,,\n00000013_005.png,Mass,2000,2,5,5,,,\n"
    )
    with pytest.raises(InputError, match="line 2 holds no box inside a picture of 1024 x 1024"):
        build_cohort("nih", tmp_path)
