import csv
import json

import numpy as np
import pytest
import yaml

from tasks.finetune.small import make_pictures, make_volumes, of_pictures, of_volumes
from vesalius.cohort.manifest import read_manifest, write_manifest
from vesalius.cohort.read import open_image
from vesalius.errors import UsageError
from vesalius.tasks.encode.encoder import Encoder
from vesalius.tasks.encode.slices import Slices
from vesalius.tasks.finetune.config import FinetuneConfig
from vesalius.tasks.finetune.job import FinetuneJob
from vesalius.tasks.train.dry_run import dry_run
from vesalius.tasks.train.run import train
from vesalius.tasks.train.start import Start
from vesalius.weights.saved import from_pretrained


def saved(folder, table):
    path = folder / "c.yaml"
    path.write_text(yaml.safe_dump(table))
    return path


def test_slices_from_training_to_an_encoder_that_detection_takes(tmp_path):
    cohort = read_manifest(make_volumes(tmp_path / "data"))
    done = train(saved(tmp_path, of_volumes(tmp_path / "data" / "m.jsonl")), tmp_path / "run", device="cpu")
    results = done.results
    assert (results["part"], results["slices"], results["patients"]) == ("test", 24, 4)
    assert results["classes"]["bright"]["auroc"]["value"] > 0.9
    assert results["classes"]["dark"]["auroc"]["value"] > 0.9
    with (tmp_path / "run" / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24 * 3
    assert {row["patient"] for row in rows} == {"1", "2", "3", "4"}
    assert "Findings of held-out slices" in (tmp_path / "run" / "report.html").read_text()
    encoder = Encoder.from_pretrained(tmp_path / "run")
    slices = Slices.of(open_image(cohort, cohort.cases[0], "image"), encoder.contract.prepare)
    assert encoder.embed(slices, np.arange(6)).shape == (6, 128)


def test_pictures_with_labels_of_their_own(tmp_path):
    make_pictures(tmp_path / "data")
    path = saved(tmp_path, of_pictures(tmp_path / "data" / "m.jsonl"))
    told = dry_run(path, [], device="cpu")
    assert told.estimate["steps"] > 0
    assert set(told.estimate["parameters"]) == {"encoder", "head"}
    assert told.preparation is None
    results = train(path, tmp_path / "run", device="cpu").results
    assert results["pictures"] == 12
    assert results["classes"]["left"]["auroc"]["value"] == 1.0
    assert results["classes"]["never"]["auroc"]["value"] is None


def test_a_cohort_without_labels_is_refused(tmp_path):
    cohort = read_manifest(make_pictures(tmp_path / "data"))
    bare = type(cohort)(tuple(case.model_copy(update={"labels": {}}) for case in cohort), cohort.root)
    write_manifest(bare, tmp_path / "data" / "bare.jsonl")
    with pytest.raises(UsageError, match="no case has a label"):
        FinetuneJob(FinetuneConfig.parse(of_pictures(tmp_path / "data" / "bare.jsonl")))


@pytest.mark.parametrize(("value", "shown"), [(0.7, "0.7"), (3, "3")])
def test_labels_other_than_0_and_1_are_refused_before_anything_begins(tmp_path, value, shown):
    cohort = read_manifest(make_pictures(tmp_path / "data"))
    cases = [case.model_copy(update={"labels": {**case.labels, "left": value}}) for case in cohort.cases[:3]]
    write_manifest(type(cohort)((*cases, *cohort.cases[3:]), cohort.root), tmp_path / "data" / "odd.jsonl")
    path = saved(tmp_path, of_pictures(tmp_path / "data" / "odd.jsonl"))
    with pytest.raises(UsageError, match=rf"odd.jsonl: the label left is {shown} in 3 of \d+ cases, not 0 or 1"):
        train(path, tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


def test_pictures_without_a_label_or_a_patient_are_told(tmp_path):
    cohort = read_manifest(make_pictures(tmp_path / "data"))
    cases = [case.model_copy(update={"patient": None}) for case in cohort]
    cases[:2] = [case.model_copy(update={"labels": {}}) for case in cases[:2]]
    write_manifest(type(cohort)(tuple(cases), cohort.root), tmp_path / "data" / "bare.jsonl")
    table = of_pictures(tmp_path / "data" / "bare.jsonl")
    table["train"]["epochs"] = 1
    table["data"]["cache"] = str(tmp_path / "cache")
    told = dry_run(saved(tmp_path, table), device="cpu")
    assert not (tmp_path / "cache").exists()
    (note,) = [one for one in told.notes if "no label" in one]
    assert note.startswith(
        f"cases that are left out, as they have no label or are in no split of the run: 2 of {len(cases)}"
    )
    assert {part.patients for part in told.parts} == {None}
    said = []
    done = train(saved(tmp_path, table), tmp_path / "run", device="cpu", progress=said.append)
    assert note[1:] in " ".join(done.notes)
    assert done.results["intervals"] == "by study (patients unknown)"
    assert f"{done.results['pictures']} pictures (patients unknown)" in done.notes[0]
    assert any("held-out cases measured" in line for line in said)


def test_the_encoder_of_one_run_starts_another_and_a_resumed_run_does_not_load_it_again(tmp_path, monkeypatch):
    table = of_pictures(make_pictures(tmp_path / "data"), train={"epochs": 1})
    train(saved(tmp_path, table), tmp_path / "first", device="cpu")
    said = []
    words = [f"init_from.model={tmp_path / 'first'}", "train.max_steps=1"]
    train(saved(tmp_path, table), tmp_path / "second", words, device="cpu", progress=said.append)
    assert "start from encoder of first" in said
    report = json.loads((tmp_path / "second" / "init.json").read_text())
    first = from_pretrained(tmp_path / "first", only="encoder").parts["encoder"]
    assert (report["model"], report["sha256"]) == ("first", first.digest)
    assert set(report["loaded"]) == set(first.net.state_dict())
    monkeypatch.setattr(Start, "__call__", lambda *_: pytest.fail("loaded again"))
    train(saved(tmp_path, table), tmp_path / "second", words, device="cpu", resume=True)
