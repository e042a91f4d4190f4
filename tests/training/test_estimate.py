import psutil
import pytest

from training.toys import CONFIG, Fit, train
from vesalius.errors import ConfigError
from vesalius.training import estimate as module
from vesalius.training.estimate import estimate
from vesalius.training.loop import Loop


class Clock:
    """Time that passes where a task says so, and not because this machine is busy."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now


class Slow(Fit):
    """Steps and validations of a known length; the first two steps are slow, as they are on a GPU."""

    def __init__(self, clock):
        self.clock = clock
        self.steps = 0

    def training_step(self, batch, step):
        self.steps += 1
        self.clock.now += 5.0 if self.steps <= 2 else 1.0 + 0.2 * (self.steps % 3)
        return super().training_step(batch, step)

    def validate(self, step):
        self.clock.now += 7.0
        return super().validate(step)


def test_a_measure_that_the_task_does_not_have():
    with pytest.raises(ConfigError, match=r"train.best: no measure 'dice'; choose one of error"):
        estimate(Loop(Fit(), CONFIG.model_copy(update={"best": "dice"}), None, cpu=True))


def test_the_estimate_holds(tmp_path, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    told = estimate(Loop(Slow(clock), CONFIG, None, cpu=True))
    assert told.steps == 21
    assert told.parameters == {"net": 6 * 16 + 16 + 16 + 1}
    assert told.validation_seconds == pytest.approx(7.0)
    clock.now = 0.0
    train(Slow(clock), CONFIG, tmp_path / "run")
    assert clock.now / 1.5 < told.seconds < clock.now * 1.5
    assert told.memory_mib > 0.5 * psutil.Process().memory_info().rss / 2**20
