import math

import pytest
import torch

from vesalius.training.config import OptimizerConfig, ScheduleConfig
from vesalius.training.optimizers import Lars, make_optimizer, rate_factor


@pytest.mark.parametrize("name", ["adamw", "sgd", "lars"])
def test_vectors_are_not_decayed(name):
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.LayerNorm(4))
    optimizer = make_optimizer(OptimizerConfig(name=name, lr=0.1, weight_decay=0.3), list(net.parameters()))
    decays = {
        parameter.ndim: group["weight_decay"] for group in optimizer.param_groups for parameter in group["params"]
    }
    assert decays == {2: 0.3, 1: 0.0}
    assert sum(len(group["params"]) for group in optimizer.param_groups) == 4


def test_only_vectors_or_nothing():
    optimizer = make_optimizer(OptimizerConfig(), [torch.nn.Parameter(torch.ones(3))])
    assert len(optimizer.param_groups) == 1
    with pytest.raises(ValueError, match="nothing to train"):
        make_optimizer(OptimizerConfig(), [])


def test_warm_up_then_cosine():
    config = ScheduleConfig(warmup_steps=4, floor=0.1)
    factors = [rate_factor(config, step, 20) for step in range(20)]
    assert factors[:5] == pytest.approx([0.25, 0.5, 0.75, 1, 1])
    assert factors[-1] == pytest.approx(0.1)
    assert factors[4:] == sorted(factors[4:], reverse=True)
    assert factors[9] == pytest.approx(0.1 + 0.9 * (1 + math.cos(math.pi * 5 / 15)) / 2)


def test_steps_and_constant():
    config = ScheduleConfig(name="steps", milestones=(0.5, 0.75), gamma=0.1)
    assert [rate_factor(config, step, 8) for step in range(8)] == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01])
    assert {rate_factor(ScheduleConfig(name="constant"), step, 8) for step in range(8)} == {1.0}


def test_runs_shorter_than_their_warm_up():
    assert rate_factor(ScheduleConfig(warmup_steps=10), 4, 5) == 0.5
    assert rate_factor(ScheduleConfig(), 0, 1) == 1


def google_factor(step, warm, steps):
    """Google's SimCLR code counts steps from 0: a linear rise, then half a cosine over what is left."""
    return step / warm if step < warm else 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm)))


@pytest.mark.parametrize(("warm", "steps"), [(10, 100), (3, 7), (1, 50)])
def test_each_factor_lies_between_googles_for_this_step_and_the_next(warm, steps):
    for step in range(steps):
        ends = sorted(google_factor(at, warm, steps) for at in (step, step + 1))
        factor = rate_factor(ScheduleConfig(warmup_steps=warm), step, steps)
        assert ends[0] - 1e-12 <= factor <= ends[1] + 1e-12, step


def google(weights, gradients, rates, momentum, decay, eta, *, adapt):
    """Google's formula, number by number: the rate multiplies what enters the buffer."""
    buffer = [0.0] * len(weights)
    for gradient, rate in zip(gradients, rates, strict=True):
        change = [g + decay * w for g, w in zip(gradient, weights, strict=True)]
        trust = 1.0
        if adapt:
            length_w = sum(w * w for w in weights) ** 0.5
            length_c = sum(c * c for c in change) ** 0.5
            trust = eta * length_w / length_c if length_w > 0 and length_c > 0 else 1.0
        buffer = [momentum * b + trust * rate * c for b, c in zip(buffer, change, strict=True)]
        weights = [w - b for w, b in zip(weights, buffer, strict=True)]
    return weights


@pytest.mark.parametrize("start", ["random", "zero"])
def test_equals_googles_formula_under_a_changing_rate(start):
    draw = torch.Generator().manual_seed(0)
    matrix = torch.zeros(3, 2) if start == "zero" else torch.randn(3, 2, generator=draw)
    vector = torch.randn(4, generator=draw)
    rates = [0.1, 0.4, 0.4, 0.05, 0.3]
    gradients = [(torch.randn(3, 2, generator=draw), torch.randn(4, generator=draw)) for _ in rates]
    net = [torch.nn.Parameter(matrix.clone()), torch.nn.Parameter(vector.clone())]
    config = OptimizerConfig(name="lars", lr=1.0, momentum=0.9, weight_decay=0.02, trust=0.001)
    optimizer = make_optimizer(config, net)
    for rate, pair in zip(rates, gradients, strict=True):
        for group in optimizer.param_groups:
            group["lr"] = rate
        for parameter, gradient in zip(net, pair, strict=True):
            parameter.grad = gradient.clone()
        optimizer.step()
    expected = google(
        matrix.flatten().tolist(), [g.flatten().tolist() for g, _ in gradients], rates, 0.9, 0.02, 0.001, adapt=True
    )
    torch.testing.assert_close(net[0].detach().flatten(), torch.tensor(expected), rtol=1e-5, atol=1e-7)
    expected = google(vector.tolist(), [g.tolist() for _, g in gradients], rates, 0.9, 0.0, 0.001, adapt=False)
    torch.testing.assert_close(net[1].detach(), torch.tensor(expected), rtol=1e-5, atol=1e-7)


def test_the_rate_outside_the_momentum_would_differ():
    def last(inside):
        weight, buffer = 1.0, 0.0
        for rate in (1.0, 0.1, 0.1):
            buffer = 0.9 * buffer + (rate if inside else 1) * 0.1
            weight -= buffer if inside else rate * buffer
        return weight

    parameter = torch.nn.Parameter(torch.ones(1))
    optimizer = Lars([{"params": [parameter], "adapt": False}], lr=1.0, momentum=0.9)
    for rate in (1.0, 0.1, 0.1):
        optimizer.param_groups[0]["lr"] = rate
        parameter.grad = torch.full((1,), 0.1)
        optimizer.step()
    assert parameter.item() == pytest.approx(last(inside=True))
    assert abs(last(inside=True) - last(inside=False)) > 0.1


def test_closures_are_refused():
    with pytest.raises(ValueError, match="closure"):
        Lars([torch.nn.Parameter(torch.ones(1))], lr=1).step(lambda: 0.0)
