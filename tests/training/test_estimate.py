import time

import torch

from training.toys import CONFIG, Fit, train
from vesalius.training.estimate import estimate
from vesalius.training.loop import Loop


class Slow(Fit):
    """Steps that take as long as a real net's."""

    def training_step(self, batch, step):
        time.sleep(0.03)
        return super().training_step(batch, step)

    def validate(self, step):
        time.sleep(0.1)
        return super().validate(step)


def test_the_estimate_holds(tmp_path):
    told = estimate(Loop(Slow(), CONFIG, None, cpu=True))
    assert told.steps == 21
    assert told.parameters == {"net": 6 * 16 + 16 + 16 + 1}
    started = time.perf_counter()
    train(Slow(), CONFIG, tmp_path / "run")
    took = time.perf_counter() - started
    assert took / 1.5 < told.seconds < took * 1.5
    assert told.memory_mib > 100


def test_memory_is_that_of_the_steps():
    class Hungry(Fit):
        def training_step(self, batch, step):
            torch.ones(400 * 2**18).sum()  # 400 MiB
            return super().training_step(batch, step)

    plain = estimate(Loop(Fit(), CONFIG, None, cpu=True)).memory_mib
    assert estimate(Loop(Hungry(), CONFIG, None, cpu=True)).memory_mib > min(plain + 300, 700)
