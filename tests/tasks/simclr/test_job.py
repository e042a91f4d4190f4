"""Whole runs on a small cohort."""

import json

import pytest

from tasks.simclr.small import RESNET, make_pictures, table
from vesalius.cohort.manifest import read_manifest
from vesalius.cohort.read import open_image
from vesalius.tasks.encode.encoder import Encoder
from vesalius.tasks.train.dry_run import dry_run
from vesalius.tasks.train.run import train
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


def test_stopped_and_resumed_equals_unbroken(manifest, tmp_path):
    """With batch norms, chunks and momentum; the stop lies within an epoch."""
    (tmp_path / "c.yaml").write_text(json.dumps(table(manifest, net=RESNET, chunk=3)), encoding="utf-8")
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


def test_a_dry_run_states_the_cost(finished, tmp_path):
    _, config, _ = finished
    cost = dry_run(config, device="cpu").estimate
    assert set(cost["parameters"]) == {"encoder", "head"}
    assert cost["steps"] == 9
