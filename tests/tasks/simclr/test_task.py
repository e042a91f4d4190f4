import json

import numpy as np
import pytest

from tasks.simclr.small import RESNET, make_pictures, table
from vesalius.errors import InputError, UsageError, VesaliusError
from vesalius.tasks.simclr.config import SimclrConfig
from vesalius.tasks.simclr.job import SimclrJob
from vesalius.tasks.train.run import train
from vesalius.training.task import Ranks


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return make_pictures(tmp_path_factory.mktemp("pictures"))


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


def test_a_batch_is_no_larger_than_an_epoch_and_the_same_for_each_process(tmp_path):
    manifest = make_pictures(tmp_path / "data", count=20, splits="train train val val val")
    lines = manifest.read_text(encoding="utf-8").splitlines(keepends=True)
    manifest.write_text("".join(lines[1:]), encoding="utf-8")
    job = SimclrJob(SimclrConfig.parse(table(manifest, batch=100)))
    assert "an epoch has 7 pictures, fewer than the batch of 100: it is one batch" in job.notes()
    task = job.task()
    assert task.batch_size() == 7
    task.ranks = Ranks(1, 2)
    assert task.batch_size() == 6
    assert [len(batch) for batch in task.batches(0, 0, 1, 2)] == [3]
    task.ranks = Ranks(0, 8)
    with pytest.raises(UsageError, match="7 pictures cannot be shared by 8 processes; start fewer processes"):
        next(task.batches(0, 0, 0, 8))


def test_bad_input_is_one_line(manifest, tmp_path):
    other = table(manifest, net={**RESNET, "inputs": 3})
    with pytest.raises(UsageError, match=r"augment: the encoder does not take 1 channel of 32 x 32 pixels; give it 3"):
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


@pytest.mark.parametrize(
    ("word", "told"),
    [
        (
            "whole=[{name: center_crop, size: [8, 8]}]",
            "whole: the encoder does not take 1 channel of 8 x 8 pixels; give it 1 channel",
        ),
        ("train.best=auroc", "train.best: no measure 'auroc'; choose one of alignment"),
    ],
)
def test_a_run_that_cannot_begin_leaves_no_folder(manifest, tmp_path, word, told):
    config = tmp_path / "c.json"
    config.write_text(json.dumps(table(manifest)), encoding="utf-8")
    with pytest.raises(VesaliusError, match=told):
        train(config, tmp_path / "runs" / "run", [word], device="cpu")
    assert [path.name for path in tmp_path.iterdir()] == ["c.json"]
