"""The sum of the terms."""

import pytest
import torch

from vesalius.objectives.frame_differences import frame_differences
from vesalius.objectives.perceptual import perceptual
from vesalius.tasks.tokenize.losses import ReconstructionLoss


def pair():
    draw = torch.Generator().manual_seed(0)
    return torch.rand(2, 1, 3, 32, 32, generator=draw), torch.rand(2, 1, 3, 32, 32, generator=draw)


def test_the_terms_are_weighted_and_logged():
    x, truth = pair()
    loss = ReconstructionLoss.parse({"l1": 2, "l2": 3, "temporal": 0.05, "perceptual": {"weight": 0.5}, "frames": 3})
    modules = loss.frozen()
    torch.manual_seed(0)
    losses, logs = loss(x, truth, modules, 0)
    l1, l2 = (x - truth).abs().mean(), (x - truth).square().mean()
    motion = frame_differences(x[:, 0], truth[:, 0])
    assert losses.keys() == {"net"}
    assert logs["l1"].item() == pytest.approx(l1.item())
    assert logs["temporal"].item() == pytest.approx(motion.item())
    torch.manual_seed(0)
    times = torch.randint(3, (2, 3))
    pictures = [torch.cat([y[n, 0, times[n]] for n in range(2)])[:, None] for y in (x, truth)]
    seen = perceptual(*pictures, modules["features"])
    expected = 2 * l1 + 3 * l2 + 0.05 * motion + 0.5 * seen
    assert losses["net"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_generator_and_critic_train_apart():
    x, truth = pair()
    x.requires_grad_()
    loss = ReconstructionLoss.parse({"l2": 0, "adversarial": {"weight": 0.1, "width": 8, "levels": 2, "start": 5}})
    modules = loss.helpers()
    assert set(modules) == {"critic", "lecam"}
    early, _ = loss(x, truth, modules, 4)
    early["critic"].backward()
    assert early["net"].item() == 0
    assert all(not p.grad.any() for p in modules["critic"].parameters())
    losses, logs = loss(x, truth, modules, 5)
    modules["critic"].zero_grad()
    losses["net"].backward()
    assert x.grad.abs().sum() > 0
    assert all(p.grad is None for p in modules["critic"].parameters())
    x.grad = None
    losses["critic"].backward()
    assert x.grad is None
    assert all(p.grad is not None for p in modules["critic"].parameters())
    assert {"verdict_real", "verdict_fake"} <= logs.keys()
    trained = loss.optimizers(["tokenizer"])
    assert trained["net"].modules == ("tokenizer",)
    assert trained["critic"].modules == ("critic", "lecam")
    assert not trained["critic"].averaged


def test_masks_of_the_frozen_segmenter():
    x, truth = pair()
    loss = ReconstructionLoss.parse({"l2": 0, "masks": {"weight": 0.1}, "frames": 1})
    modules = {name: module.eval().requires_grad_(False) for name, module in loss.frozen().items()}
    x.requires_grad_()
    losses, logs = loss(x, truth, modules, 0)
    assert losses["net"].item() == pytest.approx(0.1 * logs["masks"].item())
    losses["net"].backward()
    assert x.grad.abs().sum() > 0
    same, _ = loss(truth, truth, modules, 0)
    assert same["net"] < losses["net"]
