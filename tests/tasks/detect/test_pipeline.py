"""From a table of series to a tested model, on head CT phantoms: everything that the contract of detection names."""

import csv
import json
import shutil

import numpy as np
import pytest
import yaml

from tasks.detect.tiny import make_encoder
from vesalius.cli.train import _lines
from vesalius.errors import InputError, UsageError
from vesalius.phantom.head_ct.labels import LABELS
from vesalius.phantom.head_ct.options import HeadCtOptions
from vesalius.phantom.head_ct.write import write_head_ct
from vesalius.report.page import load_report
from vesalius.tasks.encode.encoder import Encoder
from vesalius.tasks.train.dry_run import dry_run, lines
from vesalius.tasks.train.run import train
from vesalius.weights.saved import from_pretrained

PATIENTS = 14
SMALL = HeadCtOptions(matrix=64, slices=8, thickness_mm=12.0, subslices=1, studies_per_patient=(2, 2), seed=3)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A cohort with several studies of each patient, and an encoder."""
    folder = tmp_path_factory.mktemp("pipeline")
    write_head_ct(folder / "cohort", SMALL, PATIENTS)
    make_encoder(folder / "encoder")
    return folder


@pytest.fixture
def cohort(made, tmp_path):
    """A copy that a test may damage, with what it is trained by."""
    shutil.copytree(made / "cohort", tmp_path / "cohort")

    def config(**data):
        table = {
            "task": "detect",
            "data": {
                "manifest": str(tmp_path / "cohort" / "series.csv"),
                "encoder": str(made / "encoder"),
                "cache": str(tmp_path / "cache"),
                "classes": list(LABELS),
                "check": "head-ct",
                **data,
            },
            "aggregate": {"name": "top-k", "k": 2},
            "batch": 8,
            "train": {"epochs": 2, "optimizer": {"lr": 0.01}},
        }
        (tmp_path / "c.yaml").write_text(yaml.safe_dump(table))
        return tmp_path / "c.yaml"

    return tmp_path, config


@pytest.fixture
def seen(monkeypatch):
    """A mark for each scan that the encoder looks at."""
    marks, real = [], Encoder.embed

    def embed(self, *given, **more):
        marks.append(1)
        return real(self, *given, **more)

    monkeypatch.setattr(Encoder, "embed", embed)
    return marks


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def damage(path):
    """Three rows that lead nowhere and one file that is no scan; returns their patients."""
    rows = table(path)
    rows[1]["nifti_path"] = "P0001/none.nii.gz"
    rows[4]["nifti_path"] = rows[4]["nifti_path"].split("/")[0]
    rows[6]["nifti_path"] = ""
    (path.parent / rows[8]["nifti_path"]).write_bytes(b"nothing")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def counts_agree(run, done):
    """Terminal, splits, features, summary, page and card count what was read; the damaged file is told in each."""
    splits = {part: len(table(run / "splits" / f"{part}.csv")) for part in ("train", "val", "test")}
    assert sum(splits.values()) == 2 * PATIENTS - 4
    (lost,) = table(run / "splits" / "left-out.csv")
    assert lost["id"] in " ".join(done.notes)
    for part, count in splits.items():
        assert len(np.load(run / "features" / f"{part}_labels.npy")) == count
    report = load_report(run)
    assert report.results["studies"] == splits["test"]
    (cases,) = [one for one in report.sections if one.title == "Cases"]
    assert cases.blocks[0].rows[0] == ["cases", *map(str, splits.values())]
    assert ", ".join(f"{count} {part}" for part, count in splits.items()) in (run / "model" / "README.md").read_text()
    shown = _lines(done)
    assert shown[0].startswith(f"{splits['test']} studies of {report.results['patients']} patients: test split")
    (left_out,) = [line for line in shown if line.startswith("Cases that cannot be read and are left out: 4, namely ")]
    assert "line 3 (nifti_path leads to no file)" in left_out
    assert left_out in (run / "report.html").read_text().replace("&#39;", "'")


def test_every_output_of_the_contract(cohort, seen):
    folder, config = cohort
    damage(folder / "cohort" / "series.csv")
    with pytest.raises(InputError, match=r"3 rows lead to no scan, case line 3: nifti_path leads to no file"):
        train(config(), folder / "run", device="cpu")
    done = train(config(skip_invalid=True), folder / "run", device="cpu")
    run = folder / "run"
    assert len(seen) == 2 * PATIENTS - 4
    counts_agree(run, done)

    splits = {part: table(run / "splits" / f"{part}.csv") for part in ("train", "val", "test")}
    patients = {part: {row["patient"] for row in rows} for part, rows in splits.items()}
    assert set.union(*patients.values()) == {f"P{n + 1:04d}" for n in range(PATIENTS)}
    assert sum(map(len, patients.values())) == PATIENTS
    assert all((run / "splits" / row["image"]).is_file() for rows in splits.values() for row in rows)

    by_path = {f"{row['study_uid']}": row for row in table(folder / "cohort" / "series.csv")}
    for part, rows in splits.items():
        features, index, pooled, labels = (
            np.load(run / "features" / f"{part}_{kind}.npy")
            if kind != "index"
            else table(run / "features" / f"{part}_index.csv")
            for kind in ("embeddings", "index", "pooled", "labels")
        )
        studies = list(dict.fromkeys(row["study"] for row in index))
        readable = [row for row in rows if (run / "splits" / row["image"]).stat().st_size > 7]
        assert studies == [row["id"] for row in readable]
        assert features.shape == (len(index), 192)
        assert pooled.shape == (len(studies), 192)
        assert labels.shape == (len(studies), 6)
        for number, (study, row) in enumerate(zip(studies, readable, strict=True)):
            own = [int(one["row"]) for one in index if one["study"] == study]
            assert [int(index[n]["slice"]) for n in own] == list(range(8))
            np.testing.assert_allclose(pooled[number], features[own].mean(0), rtol=1e-5, atol=1e-6)
            assert labels[number].tolist() == [float(by_path[row["study"]][name]) for name in LABELS]

    assert from_pretrained(run, "detect").config.settings["check"] == "head-ct"
    results = json.loads((run / "summary.json").read_text())["results"]
    report = results["invalid_nifti_report"]
    assert report["count"] == 4
    assert report["reasons"] == {
        "nifti_path leads to no file": 1,
        "nifti_path is a folder": 1,
        "nifti_path is empty": 1,
        "cannot be read": 1,
    }
    assert [one["case"] for one in report["examples"]][:3] == ["line 3", "line 6", "line 8"]
    assert np.load(run / "probs.npy").shape == (results["studies"], 6)
    assert (run / "model" / "calibration.json").is_file()


def test_nothing_is_extracted_twice(cohort, seen):
    """An interrupted extraction goes on where it stopped; a rerun extracts nothing, another window everything."""
    folder, config = cohort
    whole = 2 * PATIENTS
    keep = Encoder.embed

    def stop(self, *given, **more):
        if len(seen) == 5:
            raise KeyboardInterrupt
        return keep(self, *given, **more)

    Encoder.embed = stop
    try:
        with pytest.raises(KeyboardInterrupt):
            train(config(), folder / "run", device="cpu")
    finally:
        Encoder.embed = keep
    assert len(seen) == 5
    first = train(config(), folder / "run", device="cpu", resume=True)
    assert len(seen) == whole
    again = train(config(), folder / "again", device="cpu")
    assert len(seen) == whole
    assert again.results == first.results
    train(config(window="brain-subdural-bone", side=32), folder / "window", device="cpu")
    assert len(seen) == 2 * whole


def test_without_patients_studies_are_kept_together_and_it_is_said(cohort):
    folder, config = cohort
    path = folder / "cohort" / "series.csv"
    rows = [{key: value for key, value in row.items() if key != "patient_id"} for row in table(path)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    done = train(config(), folder / "run", device="cpu")
    shown = "\n".join(_lines(done))
    count = done.results["studies"]
    assert (done.results["patients"], done.results["intervals"]) == (None, "by study (patients unknown)")
    assert f"{count} studies (patients unknown)" in shown
    assert "Intervals by study (patients unknown)." in shown
    assert "only cases of a study are kept together" in shown
    assert "by study (patients unknown)" in (folder / "run" / "report.html").read_text()
    assert (
        f"{count} studies (patients unknown) of the test split" in (folder / "run" / "model" / "README.md").read_text()
    )
    assert {row["patient"] for row in table(folder / "run" / "features" / "test_index.csv")} == {""}
    assert (
        "no patient_id: only cases of a study are kept together"
        in (folder / "run" / "summary.json").read_text().lower()
    )
    with pytest.raises(InputError, match="is in two manifests"):
        train(config(manifest=[str(path), str(path)]), folder / "two", device="cpu")


def test_a_dry_run_counts_the_extraction_and_leaves_nothing(cohort, seen):
    """All scans by their slices, but for those that the cache holds; the steps are those of the whole cohort."""
    folder, config = cohort
    before = sorted(folder.rglob("*"))
    told = dry_run(config(), device="cpu")
    assert sorted(folder.rglob("*")) == sorted([*before, folder / "c.yaml"])
    cost = told.preparation
    assert (cost["scans"], cost["slices"], cost["there"]) == (2 * PATIENTS, 8 * 2 * PATIENTS, 0)
    assert cost["measured"] == len(seen) - 1 == 2
    assert told.estimate["seconds_in_all"] == pytest.approx(cost["seconds"] + told.estimate["seconds"])
    assert cost["seconds"] == pytest.approx(cost["slices"] * cost["slice_seconds"])
    train_cases = told.parts[0].cases
    assert told.estimate["steps"] == 2 * (train_cases // 8)
    assert set(told.estimate["parameters"]) == {"head"}
    assert cost["parameters"]["encoder"] > 100_000 > told.estimate["parameters"]["head"]
    shown = "\n".join(lines(told))
    assert "vectors first: about " in shown
    assert "(224 slices of 28 scans, " in shown
    assert " M (frozen)" in shown
    train(config(), folder / "run", device="cpu")
    again = dry_run(config(), device="cpu").preparation
    assert (again["scans"], again["slices"], again["there"], again["seconds"]) == (0, 0, 2 * PATIENTS, 0)


def test_a_dry_run_goes_on_where_the_run_would(cohort):
    folder, config = cohort
    damage(folder / "cohort" / "series.csv")
    told = dry_run(config(skip_invalid=True), device="cpu")
    assert told.failed == 1
    assert told.preparation["scans"] == 2 * PATIENTS - 4
    assert any("nifti_path leads to no file" in note for note in told.notes)
    shown = "\n".join(lines(told))
    assert "would stop the run" not in shown
    assert "left out (data.skip_invalid)" in shown


def test_a_resumed_run_keeps_to_what_could_be_read(cohort):
    folder, config = cohort
    path = folder / "cohort" / table(folder / "cohort" / "series.csv")[8]["nifti_path"]
    good = path.read_bytes()
    path.write_bytes(good[: len(good) // 2])
    first = train(config(skip_invalid=True), folder / "run", device="cpu")
    again = train(config(skip_invalid=True), folder / "run", device="cpu", resume=True)
    assert again.results == first.results
    path.write_bytes(good)
    with pytest.raises(UsageError, match="could not be read when this run began and can be now"):
        train(config(skip_invalid=True), folder / "run", device="cpu", resume=True)
