import math

import pytest
import torch

from vesalius.errors import ConfigError
from vesalius.tasks.generate.sampler import SampleOptions, integrated

START = torch.ones(1, dtype=torch.float64)


def growth(x, t):
    """A flow whose end is known: x(1) = e x(0)."""
    return x


@pytest.mark.parametrize(("sampler", "order"), [("euler", 1), ("midpoint", 2)])
def test_halved_steps_lower_the_error_as_the_order_says(sampler, order):
    errors = [
        abs(integrated(growth, START, SampleOptions(steps=steps, sampler=sampler)).item() - math.e)
        for steps in (20, 40)
    ]
    assert errors[0] / errors[1] == pytest.approx(2**order, rel=0.1)


def test_heun_is_better_than_euler_and_never_looks_at_the_end():
    seen = []

    def watched(x, t):
        seen.append(t)
        return x

    heun = integrated(watched, START, SampleOptions(steps=10, sampler="heun")).item()
    euler = integrated(growth, START, SampleOptions(steps=10, sampler="euler")).item()
    assert abs(heun - math.e) < abs(euler - math.e) / 2
    assert max(seen) < 1


@pytest.mark.parametrize("sampler", ["euler", "heun", "midpoint"])
def test_it_looks_as_often_as_it_says(sampler):
    seen = []

    def watched(x, t):
        seen.append(t)
        return x

    options = SampleOptions(steps=7, sampler=sampler)
    integrated(watched, START, options)
    assert len(seen) == options.evaluations


def test_a_straight_path_needs_one_step():
    noise, data = torch.randn(4), torch.randn(4)
    end = integrated(lambda x, t: data - noise, noise, SampleOptions(steps=1, sampler="euler"))
    torch.testing.assert_close(end, data)


def test_each_step_is_shown():
    steps = []
    integrated(growth, START, SampleOptions(steps=3), lambda done, total: steps.append((done, total)))
    assert steps == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    "values",
    [{"steps": 0}, {"guidance": float("nan")}, {"sampler": "rk4"}, {"interval": (0.8, 0.2)}, {"mask_guidance": -1}],
)
def test_what_cannot_be_is_one_line(values):
    with pytest.raises(ConfigError) as error:
        SampleOptions.build(**values)
    assert "\n" not in str(error.value)
