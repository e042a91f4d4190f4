"""MIMIC-CXR-JPG with the names and columns of its real tables."""

import gzip

import numpy as np
import pytest
from PIL import Image

from dicom_making import instance, save
from vesalius.cohort.build import build_cohort
from vesalius.csv_table import read_text_table
from vesalius.errors import InputError

PICTURES = [
    ("aa-1", "10000032", "50414267", "PA"),
    ("bb-2", "10000032", "50414267", "LATERAL"),
    ("cc-3", "10000764", "57375967", "AP"),
    ("dd-4", "10000764", "57375967", ""),
]


def mimic(root, *, version="2.0.0", gz=True):
    """Four pictures of two patients, a lateral one, one of unknown view and a DICOM file among them."""
    for name, patient, study, view in PICTURES:
        place = root / "files" / f"p{patient[:2]}" / f"p{patient}" / f"s{study}" / name
        if view == "AP":
            place.parent.mkdir(parents=True, exist_ok=True)
            save(instance(np.eye(8, dtype=np.uint16), Modality="DX"), place.with_suffix(".dcm"))
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.eye(8, dtype=np.uint8) * 200).save(place.with_suffix(".jpg"))
    columns = "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns,StudyDate"
    findings = "subject_id,study_id,Atelectasis,Edema,No Finding\n10000032,50414267"
    people = "subject_id,gender,anchor_age,anchor_year,anchor_year_group,dod\n10000032,F,52,2178,2014 - 2016,\n"
    shown = [f"{n},{p},{s},CHEST (PA AND LAT),{v},3056,2544,21800506\n" for n, p, s, v in PICTURES]
    parts = [f"{n},{s},{p},{'train' if n != 'cc-3' else 'validate'}\n" for n, p, s, _ in PICTURES]
    tables = {
        f"mimic-cxr-{version}-metadata.csv": f"{columns}\n{''.join(shown)}",
        f"mimic-cxr-{version}-split.csv": f"dicom_id,study_id,subject_id,split\n{''.join(parts)}",
        f"mimic-cxr-{version}-chexpert.csv": f"{findings},1.0,-1.0,\n",
        f"mimic-cxr-{version}-negbio.csv": f"{findings},0.0,1.0,\n",
        "patients.csv": people,
    }
    for name, text in tables.items():
        if gz:
            (root / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
        else:
            (root / name).write_text(text)


@pytest.mark.parametrize(("version", "gz"), [("2.0.0", True), ("2.1.0", False)])
def test_mimic_cxr(tmp_path, version, gz):
    mimic(tmp_path, version=version, gz=gz)
    cohort = build_cohort("auto", tmp_path)
    assert cohort.notes[0] == "recognised as layout mimic-cxr"
    first, second = cohort
    assert (first.id, first.patient, first.study, first.split) == ("aa-1", "p10000032", "s50414267", "train")
    assert first.labels == {"Atelectasis": 1, "No Finding": 0}
    assert first.facts == {"view": "PA", "projection": "Frontal", "sex": "F", "age": 54}
    assert (second.split, second.labels, second.facts) == ("val", {}, {"view": "AP", "projection": "Frontal"})
    assert second.images["image"].endswith("cc-3.dcm")
    assert "rows of other than frontal views (frontal=false keeps them), left out: 1" in cohort.notes
    assert "rows of unknown views (frontal=false keeps them), left out: 1" in cohort.notes
    assert "without labels of their study: 1 (cc-3)" in cohort.notes
    options = ["frontal=false", "labels=negbio", "uncertain=ones"]
    every = build_cohort("mimic-cxr", tmp_path, options)
    assert [case.facts.get("projection") for case in every] == ["Frontal", "Lateral", "Frontal", None]
    assert every.cases[1].labels == {"Atelectasis": 0, "Edema": 1, "No Finding": 0}


def test_mimic_cxr_in_parts(tmp_path):
    mimic(tmp_path, gz=False)
    (tmp_path / "mimic-cxr-2.0.0-metadata.csv").unlink()
    cohort = build_cohort("mimic-cxr", tmp_path)
    assert len(cohort) == 4
    assert "no table of metadata: views are unknown, so all are kept" in cohort.notes
    (tmp_path / "mimic-cxr-2.1.0-split.csv").write_bytes((tmp_path / "mimic-cxr-2.0.0-split.csv").read_bytes())
    with pytest.raises(
        InputError, match=r"several tables with dicom_id, subject_id, study_id, split: 2 .*; leave one of them"
    ):
        build_cohort("mimic-cxr", tmp_path)
    for path in tmp_path.glob("*split.csv"):
        path.unlink()
    with pytest.raises(InputError, match=r"is not a MIMIC-CXR folder: no table of metadata"):
        build_cohort("mimic-cxr", tmp_path)


def test_a_table_without_patients_is_none_of_it(tmp_path):
    (tmp_path / "mimic-cxr-2.0.0-metadata.csv").write_text("dicom_id,study_id,ViewPosition\na,1,PA\n")
    (tmp_path / "mimic-cxr-2.0.0-chexpert.csv").write_text("study_id,Edema\n1,1\n")
    with pytest.raises(InputError, match=r"no table of metadata \(dicom_id, subject_id, study_id, ViewPosition\)"):
        build_cohort("mimic-cxr", tmp_path)


def test_a_damaged_gzip_table_is_one_line(tmp_path):
    mimic(tmp_path)
    path = tmp_path / "mimic-cxr-2.0.0-metadata.csv.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="cannot be read as a table") as error:
        read_text_table(path)
    assert "\n" not in str(error.value)
