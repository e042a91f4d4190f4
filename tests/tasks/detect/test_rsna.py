"""The RSNA challenge in small, by the shipped configuration: loose DICOM files of slices under one long table."""

import csv
import hashlib
import json

import numpy as np
import pytest

from dicom_making import placed, save
from tasks.detect.tiny import AFFINE, head, make_encoder
from vesalius.cohort.build import build_cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.phantom.head_ct.labels import LABELS
from vesalius.phantom.nifti import write_nifti
from vesalius.tasks.detect.config import DetectConfig
from vesalius.tasks.encode.encoder import Encoder
from vesalius.tasks.train.run import train

PATIENTS, STUDIES, SLICES = 14, 2, 3
PARTS = ("train", "val", "test")


@pytest.fixture(scope="module")
def challenge(tmp_path_factory):
    """Two studies of each patient, every other patient bleeds; names that tell no order; one file is cut short."""
    folder = tmp_path_factory.mktemp("rsna")
    (folder / "stage_2_train").mkdir()
    rows, bleeds_of = ["ID,Label"], {}
    for patient in range(PATIENTS):
        for study in range(STUDIES):
            uid = f"1.2.{patient + 1}.{study + 1}"
            image = head(100 * patient + study, patient % 2)[:, :, 1::2]
            for k in range(SLICES):
                name = "ID_" + hashlib.sha256(f"{uid}.{k}".encode()).hexdigest()[:9]
                data = placed(
                    image[:, :, k].T.copy(),
                    (0, 0, 5 * k),
                    spacing=(8, 8),
                    number=100 * (SLICES * (STUDIES * patient + study) + k) + 1,
                    StudyInstanceUID=uid,
                    SeriesInstanceUID=f"{uid}.1",
                    PatientID=f"ID_{patient:08d}",
                    RescaleSlope=1,
                    RescaleIntercept=0,
                )
                save(data, folder / "stage_2_train" / f"{name}.dcm")
                bleeds = int(image[:, :, k].max() > 500)
                bleeds_of[uid] = bleeds_of.get(uid, 0) + bleeds
                rows += [f"{name}_{label},{bleeds if label in ('any', 'subdural') else 0}" for label in LABELS]
    cut = sorted((folder / "stage_2_train").iterdir())[7]
    cut.write_bytes(cut.read_bytes()[:-400])
    (folder / "stage_2_train.csv").write_text("\n".join([*rows, "ID_gone_any,0"]) + "\n")
    make_encoder(folder / "encoder")
    cohort = build_cohort("rsna-ich", folder, ["per=slice"])
    write_manifest(cohort, folder / "rsna.jsonl")
    return folder, cohort


@pytest.fixture
def run(challenge, tmp_path):
    """run(name, override...): trained by the shipped configuration."""
    folder, _ = challenge

    def make(name, *words, **options):
        given = (f"data.manifest={folder / 'rsna.jsonl'}", f"data.encoder={folder / 'encoder'}")
        kept = (f"data.cache={tmp_path / 'cache'}", "train.epochs=2")
        return train("detect/rsna", tmp_path / name, [*given, *kept, *words], device="cpu", **options)

    return make


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_configuration_is_the_recipe():
    from vesalius.config import load_config
    from vesalius.tasks.train.jobs import find_config

    words = ["data.manifest=m.jsonl", "data.encoder=e"]
    config = load_config(DetectConfig, find_config("detect/rsna"), words)
    plain = DetectConfig.parse({"data": {"manifest": "m.jsonl", "encoder": "e"}})
    asked = {"classes": LABELS, "unit": "study", "check": "head-ct", "precision": "auto", "skip_invalid": True}
    assert config == plain.model_copy(update={"data": plain.data.model_copy(update=asked)})


def test_loose_files_become_tested_studies(challenge, run, tmp_path, monkeypatch):
    cohort = challenge[1]
    seen, real = [], Encoder.embed

    def embed(*given, **more):
        if stop and len(seen) == stop:
            raise KeyboardInterrupt
        seen.append(1)
        return real(*given, **more)

    monkeypatch.setattr(Encoder, "embed", embed)
    readable, stop = PATIENTS * STUDIES * SLICES - 1, 40
    with pytest.raises(KeyboardInterrupt):
        run("run")
    stop = 0
    first = run("run", resume=True).results
    assert len(seen) == readable  # none of the 40 twice
    report = first["invalid_nifti_report"]
    assert (report["count"], report["reasons"]) == (1, {"cannot be read": 1})
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["results"]["invalid_nifti_report"] == report
    check_files(tmp_path / "run", cohort)
    assert run("again").results == first
    assert len(seen) == readable
    run("window", "data.window=brain-subdural-bone", "data.side=32")
    assert len(seen) == 2 * readable


def test_a_table_of_series_is_a_manifest(challenge, tmp_path):
    """Rows that lead to nothing, to a folder and to no scan are left out and told; the rest is trained and tested."""
    lines = [f"nifti_path,{','.join(LABELS)},study_uid,patient_id"]
    for number in range(2 * PATIENTS):
        patient, bleeds = number // 2, number // 2 % 2
        write_nifti(tmp_path / f"s{number:02d}.nii.gz", head(number, bleeds)[None], AFFINE)
        lines.append(f"s{number:02d}.nii.gz,{bleeds},0,0,0,0,{bleeds},1.2.{number},P{patient}")
    (tmp_path / "folder").mkdir()
    (tmp_path / "s05.nii.gz").write_bytes(b"nothing")
    lines += ["none.nii.gz,0,0,0,0,0,0,1.2.90,P90", "folder,0,0,0,0,0,0,1.2.91,P91"]
    (tmp_path / "series.csv").write_text("\n".join(lines) + "\n")
    words = [f"data.manifest={tmp_path / 'series.csv'}", f"data.encoder={challenge[0] / 'encoder'}", "train.epochs=2"]
    done = train("detect/rsna", tmp_path / "run", [*words, f"data.cache={tmp_path / 'cache'}"], device="cpu")
    told = {"nifti_path leads to no file": 1, "nifti_path is a folder": 1, "cannot be read": 1}
    assert done.results["invalid_nifti_report"]["reasons"] == told
    counts = {part: len(np.load(tmp_path / "run" / "features" / f"{part}_pooled.npy")) for part in PARTS}
    assert sum(counts.values()) == 2 * PATIENTS - 1
    assert done.results["studies"] == counts["test"]


def check_files(run, cohort):
    """Splits by patient; features by slice and by study, with the labels of the table."""
    labels_of = {}
    for case in cohort:
        labels_of.setdefault(case.study, []).append([case.labels[name] for name in LABELS])
    patients = []
    for part in PARTS:
        rows = table(run / "splits" / f"{part}.csv")
        patients.append({row["patient"] for row in rows})
        array = {kind: np.load(run / "features" / f"{part}_{kind}.npy") for kind in ("embeddings", "pooled", "labels")}
        index = table(run / "features" / f"{part}_index.csv")
        studies = list(dict.fromkeys(row["study"] for row in index))
        assert set(studies) == {row["study"] for row in rows}
        assert array["embeddings"].shape == (len(index), 192)
        assert array["pooled"].shape == (len(studies), 192)
        assert {row["case"] for row in index} == {row["id"] for row in rows}
        for number, study in enumerate(studies):
            own = [int(row["row"]) for row in index if row["study"] == study]
            assert len(own) in (SLICES, SLICES - 1)
            np.testing.assert_allclose(array["pooled"][number], array["embeddings"][own].mean(0), rtol=1e-5, atol=1e-6)
            if len(own) == SLICES:
                assert array["labels"][number].tolist() == np.max(labels_of[study], axis=0).tolist()
    (lost,) = table(run / "splits" / "left-out.csv")
    assert lost["study"] in labels_of
    assert lost["patient"] in set.union(*patients)
    assert sum(map(len, patients)) == len(set.union(*patients)) == PATIENTS
    assert (run / "model" / "preprocessor.json").is_file()
    assert (run / "model" / "calibration.json").is_file()
