import math

import pytest

from vesalius.training.config import ScheduleConfig
from vesalius.training.schedule import rate_factor


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
