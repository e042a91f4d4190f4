import json

import numpy as np
import pytest

from tasks.simclr.small import RESNET, make_pictures, table
from vesalius.errors import InputError, UsageError
from vesalius.tasks.simclr.config import SimclrConfig
from vesalius.tasks.simclr.job import SimclrJob


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
