"""Whole runs on a small cohort."""

import json

import numpy as np
import pytest
import torch

from tasks.simclr.small import RESNET, VIT, make_pictures, table
from vesalius.cohort.manifest import read_manifest
from vesalius.cohort.read import open_image
from vesalius.errors import InputError, TrainingError, UsageError
from vesalius.tasks.encode.encoder import Encoder
from vesalius.tasks.simclr.config import SimclrConfig
from vesalius.tasks.simclr.job import SimclrJob
from vesalius.tasks.train.dry_run import dry_run
from vesalius.tasks.train.run import train
from vesalius.training.loop import Loop
from vesalius.training.record import read_record
from vesalius.transforms.contract import read_contract
from vesalius.weights.saved import from_pretrained


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return make_pictures(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def finished(manifest, tmp_path_factory):
    """A finished run and its configuration."""
    folder = tmp_path_factory.mktemp("run")
    config = folder / "c.yaml"
    config.write_text(json.dumps(table(manifest, net=RESNET)), encoding="utf-8")
    result = train(config, folder / "run", device="cpu")
    return folder / "run", config, result


def rows(folder):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in read_record(folder)]


def test_the_health_is_in_record_and_report_from_before_the_first_step(finished):
    folder, _, result = finished
    validations = [row for row in rows(folder) if row["kind"] == "validation"]
    assert [row["step"] for row in validations] == [0, 3, 6, 9]
    for row in validations:
        assert {"spread", "effective_rank", "alignment", "uniformity", "neighbours", "probe"} <= row.keys()
    steps = [row for row in rows(folder) if row["kind"] == "train"]
    assert steps[0]["lr"] == pytest.approx(0.3 * 8 / 256 / 3)
    assert all(0 <= row["contrast_accuracy"] <= 1 for row in steps)
    assert set(result.results["test"]) == {"spread", "effective_rank", "alignment", "uniformity", "neighbours", "probe"}
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "AUROC of the labels by a linear probe" in page
    assert "labels of 24 training pictures are known" in page
    assert "12 pictures of the split test" in (folder / "model" / "README.md").read_text(encoding="utf-8")


def test_ships_encoder_and_head_with_the_preparation_of_whole_pictures(finished, manifest):
    folder, _, _ = finished
    model = from_pretrained(folder, "simclr")
    assert list(model.parts) == ["encoder", "head"]
    assert read_contract(folder / "model").prepare.steps[-1].size == (32, 32)
    cohort = read_manifest(manifest)
    scan = open_image(cohort, cohort.cases[0], "image")
    x_CJI = read_contract(folder / "model").prepared({"image": scan})
    assert x_CJI.shape == (1, 32, 32)
    assert 0 <= x_CJI.min() < x_CJI.max() <= 1
    whole_BD, _ = Encoder.from_pretrained(folder).tokens(x_CJI[None])
    projected = model.parts["head"].net(whole_BD)
    assert projected.shape == (1, 16)


def test_other_runs_start_from_it(finished, manifest, tmp_path):
    folder, _, _ = finished
    again = table(manifest, net=RESNET, init_from={"model": str(folder), "part": "encoder"})
    (tmp_path / "again.yaml").write_text(json.dumps(again), encoding="utf-8")
    lines = []
    train(tmp_path / "again.yaml", tmp_path / "again", ["train.max_steps=1"], device="cpu", progress=lines.append)
    assert any("start from encoder" in line for line in lines)
    first = rows(tmp_path / "again")[0]
    assert first["effective_rank"] == pytest.approx(rows(folder)[-1]["effective_rank"], rel=1e-4)
    finetune = {
        "task": "finetune",
        "data": {"manifest": str(manifest), "workers": 0},
        "prepare": json.loads(read_contract(folder / "model").prepare.model_dump_json()),
        "batch": 8,
        "net": RESNET,
        "init_from": {"model": str(folder), "part": "encoder"},
        "train": {"epochs": 1, "optimizer": {"lr": 0.001}},
    }
    (tmp_path / "finetune.yaml").write_text(json.dumps(finetune), encoding="utf-8")
    train(tmp_path / "finetune.yaml", tmp_path / "finetuned", device="cpu")
    report = json.loads((tmp_path / "finetuned" / "init.json").read_text(encoding="utf-8"))
    assert report["part"] == "encoder"


@pytest.mark.parametrize(("net", "changes"), [(RESNET, {}), (VIT, {"chunk": 3})])
def test_stopped_and_resumed_equals_unbroken(manifest, tmp_path, net, changes):
    (tmp_path / "c.yaml").write_text(json.dumps(table(manifest, net=net, **changes)), encoding="utf-8")
    train(tmp_path / "c.yaml", tmp_path / "whole", ["train.checkpoint_every=2"], device="cpu")

    class Stopped(Exception):  # noqa: N818
        pass

    def stop(row, _):
        if row["step"] == 5:
            raise Stopped

    with pytest.raises(Stopped):
        train(tmp_path / "c.yaml", tmp_path / "run", ["train.checkpoint_every=2"], device="cpu", watch=stop)
    train(tmp_path / "c.yaml", tmp_path / "run", ["train.checkpoint_every=2"], device="cpu", resume=True)
    assert rows(tmp_path / "run") == rows(tmp_path / "whole")


def test_a_collapse_ends_the_run_in_one_line(manifest, tmp_path):
    config = SimclrConfig.parse(table(manifest, net=RESNET, health={"grace": 2}))

    def plant(modules):
        """Blocks that add nothing to a stem that sees nothing: all vectors are equal, and no gradient changes that."""
        torch.nn.init.zeros_(modules["encoder"].conv1.weight)
        modules["encoder"].requires_grad_(False)

    loop = Loop(SimclrJob(config).task(), config.train, tmp_path, cpu=True, start=plant)
    with pytest.raises(TrainingError, match=r"health: the encoder has collapsed after 2 epochs: .*; lower") as raised:
        loop.run()
    assert "\n" not in str(raised.value)
    validations = [row for row in rows(tmp_path) if row["kind"] == "validation"]
    assert [row["step"] for row in validations] == [0, 3]
    assert validations[-1]["spread"] == pytest.approx(0, abs=1e-6)
    assert (tmp_path / "last").exists()


def test_labels_are_not_needed(tmp_path):
    manifest = make_pictures(tmp_path / "data", count=16)
    lines = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        line.pop("labels", None)
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    job = SimclrJob(SimclrConfig.parse(table(manifest, batch=100)))
    task = job.task()
    task.modules = {name: module.eval() for name, module in task.build().items()}
    assert set(task.validate(0)) == {"spread", "effective_rank", "alignment", "uniformity"}
    assert (task.batches_per_epoch(), task.batch_size()) == (1, 8)
    (batch,) = task.batches(0, 0, 0, 1)
    assert batch.shape == (8, 2, 1, 32, 32)


def test_views_come_from_seed_epoch_and_case(manifest):
    task = SimclrJob(SimclrConfig.parse(table(manifest))).task()
    config = SimclrConfig.parse(table(manifest, data={"manifest": str(manifest), "workers": 2}))
    again = SimclrJob(config).task()
    whole = [batch.numpy() for batch in task.batches(1, 0, 0, 1)]
    np.testing.assert_array_equal(whole[2], next(again.batches(1, 2, 0, 1)))
    halves = [[batch.numpy() for batch in task.batches(1, 0, rank, 2)] for rank in range(2)]
    for batch, first, second in zip(whole, *halves, strict=True):
        np.testing.assert_array_equal(batch, np.stack([first, second], 1).reshape(batch.shape))
    assert abs(whole[0] - next(task.batches(2, 0, 0, 1)).numpy()).max() > 0.1


def test_bad_input_is_one_line(manifest, tmp_path):
    other = table(manifest, net={**RESNET, "inputs": 3})
    with pytest.raises(UsageError, match=r"augment: views have 1 channels of 32 x 32 pixels; the encoder takes 3"):
        next(SimclrJob(SimclrConfig.parse(other)).task().batches(0, 0, 0, 1))
    alone = make_pictures(tmp_path / "two", count=8, splits="train val")
    lines = alone.read_text(encoding="utf-8").splitlines(keepends=True)
    alone.write_text("".join([lines[0], *lines[4:]]), encoding="utf-8")
    with pytest.raises(UsageError, match="one picture to train on"):
        SimclrJob(SimclrConfig.parse(table(alone))).task()
    thin = make_pictures(tmp_path / "thin")
    np.save(thin.parent / "x.npy", np.zeros((48, 40, 1), np.uint8))
    with pytest.raises(InputError, match=r"a picture of (1 x 40|40 x 1) pixels") as raised:
        next(SimclrJob(SimclrConfig.parse(table(thin))).task().batches(0, 0, 0, 1))
    assert "\n" not in str(raised.value)


def test_a_dry_run_states_the_cost(finished, tmp_path):
    _, config, _ = finished
    cost = dry_run(config, device="cpu").estimate
    assert set(cost["parameters"]) == {"encoder", "head"}
    assert cost["steps"] == 9
