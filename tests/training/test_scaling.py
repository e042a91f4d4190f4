"""Scaled losses: with PyTorch's scaler on the CPU, where fp16 itself is refused, and with fp16 on a GPU."""

import json
import math

import pytest
import torch
from accelerate.state import AcceleratorState

from training.toys import CONFIG, Fit, Gan, Steep
from vesalius.errors import TrainingError, UsageError
from vesalius.training.loop import Loop
from vesalius.training.record import read_record
from vesalius.training.run_folder import begin
from vesalius.training.scaling import Scaling

PLAIN = CONFIG.model_copy(update={"ema_decay": None})


def scaled(task, config=PLAIN, folder=None, scale=1024.0, interval=2000):
    """A loop in fp32 whose losses are scaled."""
    loop = Loop(task, config, folder, cpu=True)
    scaler = torch.amp.GradScaler("cpu", init_scale=scale, growth_interval=interval)
    loop.accelerator.scaler = scaler
    loop.scaling = Scaling(scaler)
    return loop


def tensors(loop):
    return [p for module in loop.task.modules.values() for p in module.parameters()]


@pytest.mark.parametrize("task", [Fit, Gan])
def test_a_scaled_run_learns_what_a_plain_one_does(task):
    """A power of two changes no digit; the clipped lengths are those of unscaled gradients."""
    plain, other = Loop(task(), PLAIN, None, cpu=True), scaled(task())
    for batches in plain.batches(0, 0):
        expected, found = plain.step(batches), other.step(batches)
        assert found.pop("gradient_scale") == 1024
        assert found == expected
    for a, b in zip(tensors(plain), tensors(other), strict=True):
        assert torch.equal(a, b)


class Overflows(Fit):
    """Infinite gradients at the step 1, as where half precision overflows."""

    def training_step(self, batch, step):
        losses, logs = super().training_step(batch, step)
        for p in self.modules["net"].parameters():
            p.register_hook(lambda gradient: gradient * (math.inf if step == 1 else 1))
        return losses, logs


def test_a_step_that_overflows_is_skipped_and_the_scale_halved():
    loop = scaled(Overflows())
    (first, second, _) = loop.batches(0, 0)
    assert loop.step(first)["gradient_scale"] == 1024
    before = [p.clone() for p in tensors(loop)]
    numbers = loop.step(second)
    assert "gradient_norm" not in numbers
    assert all(torch.equal(a, b) for a, b in zip(before, tensors(loop), strict=True))
    assert loop.scaling.scaler.get_scale() == 512
    assert loop.progress.step == 2


def test_gradients_that_always_overflow_end_the_run():
    loop = scaled(Steep(), scale=2.0)
    loop.task.since = 0
    first, second, _ = loop.batches(0, 0)
    loop.step(first)
    message = r"train\.precision: gradients overflow in fp16 at step 1, however small .* take bf16 or fp32"
    with pytest.raises(TrainingError, match=message):
        loop.step(second)


class Stopped(Exception):  # noqa: N818
    """As if the process ended."""


def stop(row):
    if row["step"] == 8:
        raise Stopped


def rows(folder):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in read_record(folder)]


def test_a_resumed_run_goes_on_with_its_scale(tmp_path):
    """It is doubled after three good steps; so also the count of good steps is kept."""
    for name in ("whole", "run"):
        begin(tmp_path / name, PLAIN, resume=False)
    scaled(Fit(), folder=tmp_path / "whole", interval=3).run()
    with pytest.raises(Stopped):
        scaled(Fit(), folder=tmp_path / "run", interval=3).run(watch=stop)
    scaled(Fit(), folder=tmp_path / "run", interval=3).run(resume=True)
    assert rows(tmp_path / "run") == rows(tmp_path / "whole")
    scales = [row["gradient_scale"] for row in rows(tmp_path / "run") if row["kind"] == "train"]
    assert (scales[0], scales[3], scales[-1]) == (1024, 2048, 1024 * 2**6)


def test_fp16_on_a_cpu_is_one_line(tmp_path):
    config = PLAIN.model_copy(update={"precision": "fp16"})
    with pytest.raises(UsageError, match=r"train\.precision: fp16 needs a GPU, and the run is on the CPU; take bf16"):
        Loop(Fit(), config, tmp_path, cpu=True)


class OnDevice(Fit):
    """The toy with its batches on the device of the net."""

    def validate(self, step):
        device = next(self.modules["net"].parameters()).device
        x = torch.randn(64, 6, generator=torch.Generator().manual_seed(0)).to(device)
        return {"error": float((self.modules["net"](x).float() - x.sum(1, keepdim=True)).square().mean())}


@pytest.fixture
def anew():
    """Without the device of an earlier run of this process."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.gpu
@pytest.mark.usefixtures("anew")
def test_fp16_on_a_gpu_learns_resumes_and_skips(tmp_path):
    """The record says so; a run that is stopped goes on with its scale, and an overflow is skipped."""
    config = CONFIG.model_copy(update={"precision": "fp16", "epochs": 20})
    begin(tmp_path / "run", config, resume=False)
    with pytest.raises(Stopped):
        Loop(OnDevice(), config, tmp_path / "run").run(watch=stop)
    loop = Loop(OnDevice(), config, tmp_path / "run")
    assert loop.scaling.scaler is not None
    loop.run(resume=True)
    record = rows(tmp_path / "run")
    assert [row["step"] for row in record if row["kind"] == "train"] == list(range(1, 61))
    assert all(row["gradient_scale"] >= 1 for row in record if row["kind"] == "train")
    errors = [row["error"] for row in record if row["kind"] == "validation"]
    assert errors[-1] < 0.5 * errors[0]
    assert json.loads((tmp_path / "run" / "env.json").read_text())["precision"] == "fp16"

    loop = Loop(Overflows(), config, None)
    first, second, _ = loop.batches(0, 0)
    loop.step(first)
    scale, before = loop.scaling.scaler.get_scale(), [p.clone() for p in tensors(loop)]
    loop.step(second)
    assert loop.scaling.scaler.get_scale() == scale / 2
    assert all(torch.equal(a, b) for a, b in zip(before, tensors(loop), strict=True))
