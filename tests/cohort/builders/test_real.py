"""Every set of the real data is read with the counts, labels and patients that its own files state."""

import csv
import json
from collections import Counter
from xml.etree import ElementTree

import numpy as np
import pytest

from real_data import real
from vesalius.cohort.build import build_cohort
from vesalius.cohort.read import open_image, open_mask

pytestmark = pytest.mark.data


def built(layout, name, *options):
    folder = real(name)
    cohort = build_cohort(layout, folder, options)
    assert all(cohort.path(path).exists() for case in cohort for path in case.paths)
    assert len({case.id for case in cohort}) == len(cohort)
    return cohort


@pytest.mark.parametrize("name", ["cine-sunnybrook", "cine-acdc-sample"])
def test_acdc(name):
    folder = real(name)
    patients = sorted(path.name for path in folder.iterdir() if path.is_dir())
    cohort = built("acdc", name)
    assert [case.patient for case in cohort] == patients == [case.id for case in cohort]
    for case in cohort:
        lines = (folder / case.id / "Info.cfg").read_text().splitlines()
        info = {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}
        assert case.facts["group"] == info["Group"]
        assert case.frames == {"ED": int(info["ED"]) - 1, "ES": int(info["ES"]) - 1}
        image, mask = open_image(cohort, case, "image"), open_mask(cohort, case, "ES")
        assert image.shape[2:] == mask.shape[2:]
        assert image.shape[1] > case.frames["ES"]


@pytest.mark.parametrize(("name", "patient"), [("brain-ms", "patient07"), ("brain-glioma", "TCGA-DU-7294")])
def test_brats(name, patient):
    (case,) = built("brats", name)
    assert case.patient == patient
    assert list(case.images) == ["t1", "t1ce", "t2", "flair"]
    assert case.masks["mask"].endswith("_seg.nii.gz")


def test_msd():
    told = json.loads((real("hippocampus-msd") / "dataset.json").read_text())
    cohort = built("msd", "hippocampus-msd")
    assert len(cohort) == told["numTraining"] == 200
    assert all(case.masks and case.split == "train" and case.fourth_axis == "time" for case in cohort)
    assert "mask values: 0 background, 1 Anterior, 2 Posterior" in cohort.notes


def test_nih():
    with (real("cxr-nih") / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    cohort = built("nih", "cxr-nih")
    assert len(cohort) == len(rows) == 688
    assert len({case.patient for case in cohort}) == len({row["patient_id"] for row in rows}) == 477
    named = {one for row in rows for one in row["finding_labels"].split("|")}
    assert set(cohort.classes) == named - {"No Finding"}
    for case, row in zip(cohort, rows, strict=True):
        positive = {name for name, value in case.labels.items() if value}
        assert positive == set(row["finding_labels"].split("|")) - {"No Finding"}
        assert (case.facts["age"], case.facts["sex"], case.facts["view"]) == (int(row["age"]), row["sex"], row["view"])


def test_medmnist():
    cohort = built("medmnist", "pneumonia-28")
    assert cohort.splits == {"train": 4708, "val": 524, "test": 624}
    with np.load(real("pneumonia-28/pneumoniamnist.npz")) as archive:
        for split in cohort.splits:
            labels = [case.labels["positive"] for case in cohort.of_split(split)]
            assert labels == archive[f"{split}_labels"][:, 0].tolist()


def test_voc():
    counts = Counter()
    for path in (real("blood-cells") / "BCCD" / "Annotations").glob("*.xml"):
        counts.update(one.findtext("name") for one in ElementTree.parse(path).iter("object"))
    cohort = built("voc", "blood-cells")
    assert len(cohort) == 364
    found = Counter(box.label for case in cohort for box in case.boxes)
    flat = int(next((note.split()[0] for note in cohort.notes if "without area" in note), 0))
    assert sum(found.values()) + flat == sum(counts.values()) == 4155 + 372 + 361
    assert set(cohort.splits) <= {"train", "val", "test"}


@pytest.mark.parametrize(("name", "count"), [("nuclei-dsb2018", 460), ("fundus-idrid", 300)])
def test_jsonl(name, count):
    rows = [json.loads(line) for line in (real(name) / "manifest.jsonl").read_text().splitlines()]
    cohort = built("jsonl", name)
    assert len(cohort) == len(rows) == count
    for case, row in zip(cohort, rows, strict=True):
        assert case.images == {"image": row["image_path"]}
        assert case.caption == row.get("caption")
        assert case.masks == ({"mask": row["mask_path"]} if row.get("mask_path") else {})
        assert len(case.boxes) == len(row.get("boxes_cxcywh", []))
        assert case.facts.get("num_nuclei") == row.get("num_nuclei")


@pytest.mark.parametrize(
    ("name", "count", "instances", "modality"),
    [("ct-head-tilted-dicom", 1, 28, "CT"), ("cine-sunnybrook-dicom", None, 220, "MR"), ("ct-body", 1, 20, "CT")],
)
def test_dicom(name, count, instances, modality):
    cohort = built("dicom", name)
    assert count is None or len(cohort) == count
    assert sum(case.facts["instances"] for case in cohort) == instances
    assert {case.facts["modality"] for case in cohort} == {modality}
    assert len({case.patient for case in cohort}) == 1
    assert all(case.patient is None or case.patient.startswith("p-") for case in cohort)
    assert open_image(cohort, cohort.cases[0], "image").shape[4] >= 1


def test_images():
    folder = real("spine-sct")
    cohort = built("images", "spine-sct", r"patient=^(?P<patient>[^/]+)/")
    files = [path for path in folder.rglob("*.nii.gz")]
    assert len(cohort) == len(files)
    assert {case.patient for case in cohort} == {path.parent.name for path in files}
    assert len(built("images", "ct-head-template")) == 2


@pytest.mark.parametrize(
    ("name", "layout"),
    [
        ("cine-acdc-sample", "acdc"),
        ("brain-ms", "brats"),
        ("hippocampus-msd", "msd"),
        ("cxr-nih", "nih"),
        ("pneumonia-28", "medmnist"),
        ("blood-cells", "voc"),
        ("nuclei-dsb2018", "jsonl"),
        ("ct-head-tilted-dicom", "dicom"),
        ("spine-sct", "images"),
    ],
)
def test_auto_tells_which_layout_it_took(name, layout):
    assert build_cohort("auto", real(name)).notes[0] == f"recognised as layout {layout}"
