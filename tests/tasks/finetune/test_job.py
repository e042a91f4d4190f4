import csv
import json

import numpy as np
import pytest
import torch
import yaml

from tasks.finetune.small import CELLS, NET, RESNET, make_cells, make_pictures, make_volumes, of_pictures, of_volumes
from vesalius.cohort.manifest import read_manifest, write_manifest
from vesalius.cohort.read import open_image
from vesalius.errors import InputError, UsageError
from vesalius.tasks.encode.encoder import Encoder
from vesalius.tasks.encode.slices import Slices
from vesalius.tasks.evaluate.classifier import evaluate_classifier
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


def rewritten(manifest, name, change):
    """The manifest with every case changed; returns its new path."""
    cohort = read_manifest(manifest)
    cases = tuple(change(number, case) for number, case in enumerate(cohort.cases))
    return write_manifest(type(cohort)(cases, cohort.root), manifest.parent / name)


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """A finished run of one class each, and its manifest."""
    folder = tmp_path_factory.mktemp("cells")
    manifest = make_cells(folder / "data")
    table = of_pictures(manifest, net=RESNET, loss={"name": "softmax"}, mixup=0.1, hidden=8)
    table["train"] |= {"epochs": 3, "best": "macro_f1"}
    train(saved(folder, table), folder / "run", device="cpu")
    return folder / "run", manifest


def test_one_class_each_is_called_measured_and_shown(cells):
    run, _ = cells
    results = json.loads((run / "summary.json").read_text())["results"]
    calls = results["one_class"]
    assert calls["accuracy"]["value"] > 0.9
    assert set(calls["recall"]) == set(CELLS)
    assert np.sum(calls["confusion"]) == results["pictures"] == 15
    calibration = json.loads((run / "model" / "calibration.json").read_text())
    assert (calibration["activation"], calibration["thresholds"]) == ("softmax", [None] * 3)
    with (run / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    sums = [sum(float(row["probability"]) for row in rows[n : n + 3]) for n in range(0, len(rows), 3)]
    np.testing.assert_allclose(sums, 1)
    assert (run / "figures" / "confusion.png").exists()
    page, card = (run / "report.html").read_text(), (run / "model" / "README.md").read_text()
    for words in ("One class each", "Trivial baselines", "Groups of patients"):
        assert words in page
    assert "| macro F1 |" in card
    assert "trivial baseline: view |" in card


def test_baselines_and_groups_stand_beside_the_model_and_are_the_same_for_another_cohort(cells, tmp_path):
    run, _ = cells
    then = json.loads((run / "summary.json").read_text())["results"]
    assert list(then["baselines"]) == ["view", "age and sex", "view, age and sex"]
    assert then["baselines"]["view"]["macro_f1"]["value"] < then["one_class"]["macro_f1"]["value"]
    assert {row["fact"] for row in then["subgroups"]} == {"age", "sex", "view"}
    assert any(row["not_measured"] for row in then["subgroups"])
    now = evaluate_classifier(run, run / "splits" / "test.csv", tmp_path / "out", device="cpu").results
    for key in ("baselines", "subgroups", "one_class"):
        assert now[key] == then[key]


def test_the_class_may_be_a_fact(cells, tmp_path):
    _, manifest = cells
    bare = rewritten(manifest, "bare.jsonl", lambda _, case: case.model_copy(update={"labels": {}}))
    table = of_pictures(bare, loss={"name": "softmax"})
    table["data"] |= {"class_fact": "kind"}
    job = FinetuneJob(FinetuneConfig.parse(table))
    assert job.classes == tuple(sorted(CELLS))
    labels = next(job.task().batches(0, 0, 0, 1))["labels"]
    assert labels.sum(1).tolist() == [1.0] * 8
    table["data"] |= {"class_fact": "nothing"}
    with pytest.raises(UsageError, match=r"data\.class_fact: no case has the fact nothing"):
        FinetuneJob(FinetuneConfig.parse(table))


WRONG = {
    "both": (lambda n, case: case.model_copy(update={"labels": {"red": 1, "white": 1}}), "60 of 60 cases have several"),
    "none": (
        lambda n, case: case.model_copy(update={"labels": {"red": 0, "white": float(n > 3)}}),
        "4 of 60 cases have no",
    ),
    "one": (lambda n, case: case.model_copy(update={"labels": {"red": 1}}), "the only class is red"),
    "alike": (
        lambda n, case: case.model_copy(update={"labels": {"red" if case.split == "train" else "white": 1}}),
        "all 30 cases of the 'train' split have the class red",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_labels_that_make_no_softmax_are_one_line(cells, name):
    _, manifest = cells
    change, words = WRONG[name]
    table = of_pictures(rewritten(manifest, f"{name}.jsonl", change), loss={"name": "softmax"})
    with pytest.raises(UsageError, match=words) as error:
        FinetuneJob(FinetuneConfig.parse(table))
    assert "\n" not in str(error.value)


def test_a_run_whose_labels_are_all_alike_is_one_line(cells):
    _, manifest = cells
    alike = rewritten(manifest, "ill.jsonl", lambda _, case: case.model_copy(update={"labels": {"ill": 1}}))
    with pytest.raises(UsageError, match="the 'train' split has 30 cases, but not both positive and negative labels"):
        FinetuneJob(FinetuneConfig.parse(of_pictures(alike)))


def test_a_batch_of_one_is_refused_where_batch_norms_learn(cells, tmp_path):
    _, manifest = cells
    table = of_pictures(manifest, net=RESNET, batch=1, loss={"name": "softmax"})
    with pytest.raises(UsageError, match="batch: a batch of one picture has no spread"):
        train(saved(tmp_path, table), tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()
    FinetuneJob(FinetuneConfig.parse(table | {"fine_tune_after_block": 4})).task().build()


def test_a_picture_one_pixel_wide_is_one_line(tmp_path):
    manifest = make_pictures(tmp_path / "data")
    np.save(manifest.parent / "thin.npy", np.zeros((1, 32, 1), np.float32))
    thin = {"image": "thin.npy#array/0"}
    with_thin = rewritten(
        manifest, "thin.jsonl", lambda n, case: case if n else case.model_copy(update={"images": thin})
    )
    with pytest.raises(InputError, match=r"case x0: .* pixels shows nothing"):
        train(saved(tmp_path, of_pictures(with_thin)), tmp_path / "run", device="cpu")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"net": {**NET, "inputs": 3}}, "prepare: the encoder does not take 1 channel of 32 x 32 pixels; give it 3"),
        ({"augment": [{"name": "random_crop", "size": [20, 20]}]}, "prepare_for_training or augment: .* 20 x 20"),
    ],
)
def test_pictures_that_the_encoder_does_not_take_are_refused_before_anything_begins(cells, tmp_path, changes, words):
    table = of_pictures(cells[1], loss={"name": "softmax"}) | changes
    with pytest.raises(UsageError, match=words):
        train(saved(tmp_path, table), tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


def test_a_held_out_picture_of_another_size_is_one_line(cells, tmp_path):
    manifest = cells[1]
    np.save(manifest.parent / "wide.npy", np.zeros((1, 32, 40), np.float32))
    images = {"x56": {"image": "wide.npy#array/0"}}  # the last one to validate on
    odd = rewritten(
        manifest, "wide.jsonl", lambda _, case: case.model_copy(update={"images": images.get(case.id, case.images)})
    )
    task = FinetuneJob(FinetuneConfig.parse(of_pictures(odd, loss={"name": "softmax"}))).task()
    task.modules = task.build()
    with pytest.raises(UsageError, match=r"case x56: the encoder does not take 1 channel of 32 x 40 pixels"):
        task.validate(0)


def test_three_stages_one_after_the_other(cells, tmp_path):
    """Supervised, then SimCLR without labels, then finetuning of the last block group, each from the one before."""
    manifest = rewritten(cells[1], "plain.jsonl", lambda _, case: case.model_copy(update={"facts": {}}))
    short = {"epochs": 1, "optimizer": {"lr": 0.003}}
    first = of_pictures(manifest, net=RESNET, loss={"name": "softmax"}, train=short)
    train(saved(tmp_path, first), tmp_path / "first", device="cpu")
    second = {
        "task": "simclr",
        "data": {"manifest": str(manifest), "workers": 0},
        "prepare": {"layout": "CJI", "values": [{"name": "percentiles"}]},
        "augment": [{"name": "random_resized_crop", "size": [32, 32]}],
        "batch": 8,
        "net": RESNET,
        "init_from": {"model": str(tmp_path / "first")},
        "train": {"epochs": 1, "max_steps": 2},
    }
    train(saved(tmp_path, second), tmp_path / "second", device="cpu")
    third = of_pictures(manifest, net=RESNET, fine_tune_after_block=3, init_from={"model": str(tmp_path / "second")})
    third = third | {"loss": {"name": "softmax"}, "train": short}
    results = train(saved(tmp_path, third), tmp_path / "third", device="cpu").results
    assert results["one_class"]["accuracy"]["value"] is not None
    before, after = (
        from_pretrained(tmp_path / name, only="encoder").parts["encoder"].net.state_dict()
        for name in ("second", "third")
    )
    changed = {key.split(".")[0] for key in before if not torch.equal(before[key], after[key])}
    assert changed == {"layer4"}
    report = json.loads((tmp_path / "second" / "init.json").read_text())
    assert report["sha256"] == from_pretrained(tmp_path / "first", only="encoder").parts["encoder"].digest
