"""Which parts learn, for every value of `fine_tune_after_block`."""

import pytest
import torch

from tasks.finetune.small import RESNET, make_pictures, of_pictures
from vesalius.errors import ConfigError
from vesalius.tasks.finetune.config import FinetuneConfig
from vesalius.tasks.finetune.frozen import frozen_modules
from vesalius.tasks.finetune.job import FinetuneJob
from vesalius.training.config import TrainConfig
from vesalius.training.loop import Loop

BIT = {"name": "bit", "depths": [1, 1, 1, 1], "inputs": 1}


def loop_of(manifest, **changes):
    table = of_pictures(manifest, net=RESNET) | changes
    config = FinetuneConfig.parse(table)
    return Loop(FinetuneJob(config).task(), config.train, None, cpu=True)


def state(net):
    return {key: value.clone() for key, value in net.state_dict().items()}


@pytest.mark.parametrize("after", [-1, 0, 1, 2, 3, 4])
def test_groups_up_to_the_block_keep_weights_and_statistics_and_all_others_learn(tmp_path, after):
    loop = loop_of(make_pictures(tmp_path), fine_tune_after_block=after)
    net = loop.task.modules["net"]
    before = state(net)
    for batches in loop.batches(0, 0):
        loop.step(batches)
    changed = {key for key, value in state(net).items() if not torch.equal(value, before[key])}
    groups = net.encoder.groups()
    assert len(groups) == 5
    names = {id(module): f"encoder.{name}" for name, module in net.encoder.named_modules()}
    for number, group in enumerate(groups):
        keys = {key for module in group for key in before if key.startswith(f"{names[id(module)]}.")}
        assert keys
        assert not keys & changed if number <= after else keys <= changed
    assert {"head.weight", "head.bias"} <= changed


def test_the_groups_are_the_whole_encoder(tmp_path):
    for table in (RESNET, BIT):
        config = FinetuneConfig.parse(of_pictures("m.jsonl", net=table))
        encoder = config.net.make()
        grouped = {id(p) for module in frozen_modules(encoder, 3) for p in module.parameters()}
        last = {id(p) for module in encoder.groups()[4] for p in module.parameters()}
        assert grouped | last == {id(p) for p in encoder.parameters()}
        assert not grouped & last


def test_an_encoder_without_groups_learns_whole_or_not_at_all(tmp_path):
    manifest = make_pictures(tmp_path)
    with pytest.raises(ConfigError, match=r"fine_tune_after_block is 2, but net has no block groups: take -1 .* or 4"):
        FinetuneConfig.parse(of_pictures(manifest, fine_tune_after_block=2))
    net = {"name": "vit", "size": "micro", "depth": 1, "inputs": 1}
    loop = loop_of(manifest, net=net, fine_tune_after_block=4)
    before = state(loop.task.modules["net"])
    loop.step(next(loop.batches(0, 0)))
    after = state(loop.task.modules["net"])
    assert {key for key in before if not torch.equal(before[key], after[key])} == {"head.weight", "head.bias"}


def test_frozen_weights_are_not_averaged(tmp_path):
    loop = loop_of(make_pictures(tmp_path), fine_tune_after_block=4, train={"ema_decay": 0.9, "epochs": 1})
    averaged = {key for key in loop.ema.averages if loop.ema.averages[key].is_floating_point()}
    parameters = {key for key in averaged if "running" not in key}
    assert parameters == {"net.head.weight", "net.head.bias"}


def test_a_head_that_begins_at_zero_says_nothing_at_first(tmp_path):
    manifest = make_pictures(tmp_path)
    for hidden in (0, 5):
        config = FinetuneConfig.parse(of_pictures(manifest, zero_init_logits_layer=True, hidden=hidden))
        net = FinetuneJob(config).task().build()["net"]
        logits_BN, places_BLN = net(torch.randn(2, 1, 32, 32))
        assert logits_BN.any().item() is False
        assert places_BLN.any().item() is False
        assert isinstance(config.train, TrainConfig)
