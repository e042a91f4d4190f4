import json

import numpy as np
import pytest
import torch

from tasks.detect.tiny import random_studies
from training.ranks import as_two
from vesalius.tasks.detect.config import DetectConfig, DetectSettings
from vesalius.tasks.detect.measure import score
from vesalius.tasks.detect.task import DetectTask

CLASSES = ("any", "sub")


def make_task(train=20, **keys):
    config = DetectConfig.parse({"data": {"embeddings": "x.npy", "labels": "y.npy"}, "batch": 8, "hidden": 8, **keys})
    parts = {"train": random_studies(train, ragged=True), "val": random_studies(30, seed=1)}
    task = DetectTask(config, CLASSES, lambda: parts, DetectSettings(classes=CLASSES, images=("image",)))
    torch.manual_seed(0)
    task.modules = task.build()
    return task, parts


def rows(batches):
    return [row.tobytes() for batch in batches for row in batch["labels"].numpy()]


def test_batches_of_ranks_are_those_of_one_process():
    task, _ = make_task()
    assert task.batches_per_epoch() == 2
    whole = list(task.batches(0, 0, 0, 1))
    assert [len(batch["x"]) for batch in whole] == [8, 8]
    halves = [list(task.batches(0, 0, rank, 2)) for rank in range(2)]
    for number, batch in enumerate(whole):
        assert sorted(rows([batch])) == sorted(rows([halves[0][number]]) + rows([halves[1][number]]))
    later = list(task.batches(0, 1, 0, 1))
    assert torch.equal(later[0]["x"], whole[1]["x"])
    assert not torch.equal(next(iter(task.batches(1, 0, 0, 1)))["labels"], whole[0]["labels"])


def test_fewer_studies_than_a_batch():
    task, _ = make_task(train=5)
    assert task.batches_per_epoch() == 1
    assert [len(batch["x"]) for batch in task.batches(0, 0, 0, 1)] == [5]


def test_loss_by_hand():
    task, parts = make_task(loss={"most_weight": 1, "slices": 0.0})
    net = task.modules["net"].eval()
    batch = next(iter(task.batches(0, 0, 0, 1)))
    losses, _ = task.training_step(batch, 0)
    logits = net(batch["x"], batch["there"])[0]
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, batch["labels"])
    torch.testing.assert_close(losses["net"], expected)
    assert task.validate(0).keys() == {"loss", "auroc", "auprc", "log_loss"}
    with_slices, _ = make_task(loss={"most_weight": 1, "slices": 1.0})
    batch["slice_labels"][:, 0] = 1.0
    more, _ = with_slices.training_step(batch, 0)
    assert more["net"] > losses["net"]
    assert parts["val"].labels_SC.shape == (30, 2)


def test_calibration_looks_at_validation_only(tmp_path):
    """Labels of the training part, once trained, change nothing; those of validation do."""
    task, parts = make_task()
    task.modules["net"].eval()
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    task.export(tmp_path / "a")
    parts["train"].labels_SC[:] = 1 - parts["train"].labels_SC
    task.export(tmp_path / "b")
    told = [(tmp_path / name / "calibration.json").read_bytes() for name in ("a", "b")]
    assert told[0] == told[1]
    flipped = parts["val"].labels_SC
    flipped[:10] = 1 - flipped[:10]
    task.export(tmp_path / "c")
    assert (tmp_path / "c" / "calibration.json").read_bytes() != told[0]
    kept = json.loads(told[0])
    assert kept["classes"] == list(CLASSES)
    assert kept["samples"] == 30


def test_two_processes_score_as_one():
    task, parts = make_task()
    net = task.modules["net"].eval()
    alone = score(net, parts["val"], batch=4)
    assert np.array_equal(as_two(lambda ranks: score(net, parts["val"], 4, ranks)).logits_SC, alone.logits_SC)


@pytest.mark.parametrize("unknown", [0, 1])
def test_a_class_without_labels_is_left_out(unknown):
    task, parts = make_task()
    parts["val"].labels_SC[:, unknown] = np.nan
    assert np.isfinite(list(task.validate(0).values())).all()
