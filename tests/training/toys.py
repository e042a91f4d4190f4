"""Small tasks that prove the protocol. Run as a program it trains one of them: toys.py NAME FOLDER [resume] [slow]."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch
from accelerate import PartialState
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from vesalius.seeding import generator
from vesalius.training.config import OptimizerConfig, ScheduleConfig, TrainConfig
from vesalius.training.loop import Loop, LoopResult
from vesalius.training.run_folder import begin
from vesalius.training.task import Task, Trained, bare, frozen

CASES, WIDTH, BATCH = 24, 6, 8


class Fit(Task):
    """A line fitted to noisy points, with dropout; drawn anew in every epoch."""

    dropout = 0.2

    def build(self):
        return {"net": nn.Sequential(nn.Linear(WIDTH, 16), nn.ReLU(), nn.Dropout(self.dropout), nn.Linear(16, 1))}

    def batches_per_epoch(self):
        return CASES // BATCH

    def batches(self, epoch, start, rank, world):
        for number in range(start, self.batches_per_epoch()):
            draw = generator("fit", epoch, number)
            x = torch.from_numpy(draw.normal(size=(BATCH, WIDTH)).astype("float32"))
            y = x.sum(1, keepdim=True) + torch.from_numpy(draw.normal(size=(BATCH, 1)).astype("float32")) / 10
            share = slice(rank * BATCH // world, (rank + 1) * BATCH // world)
            yield {"x": x[share], "y": y[share]}

    def training_step(self, batch, step):
        loss = functional.mse_loss(self.modules["net"](batch["x"]), batch["y"])
        return {"net": loss}, {"noise": torch.rand(())}

    def validate(self, step):
        draw = generator("held out")
        x = torch.from_numpy(draw.normal(size=(64, WIDTH)).astype("float32"))
        error = functional.mse_loss(self.modules["net"](x).float(), x.sum(1, keepdim=True))
        return {"error": float(error)}

    def export(self, folder):
        save_file(bare(self.modules["net"]).state_dict(), folder / "model.safetensors")


class Plain(Fit):
    """Without dropout, for comparing processes."""

    dropout = 0.0


class Shared(Plain):
    """Each process validates every other point."""

    def validate(self, step):
        draw = generator("held out")
        points = torch.from_numpy(draw.normal(size=(63, WIDTH)).astype("float32"))
        errors = [float((self.modules["net"](x) - x.sum()).square()) for x in self.ranks.share(points)]
        return {"error": sum(self.ranks.gathered(errors)) / len(points)}


class OnFrozen(Plain):
    """A net on the outputs of a frozen encoder with dropout and a buffer."""

    def build(self):
        self.encoder = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.BatchNorm1d(WIDTH), nn.Dropout(0.5))
        return super().build()

    def frozen(self):
        return {"encoder": self.encoder}

    def training_step(self, batch, step):
        assert not self.encoder.training
        return super().training_step({"x": self.encoder(batch["x"]), "y": batch["y"]}, step)


class Gan(Fit):
    """Two optimizers with settings of their own."""

    def build(self):
        maker = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, WIDTH))
        judge = nn.Sequential(nn.Linear(WIDTH, 16), nn.ReLU(), nn.Linear(16, 1))
        return {"maker": maker, "judge": judge}

    def optimizers(self):
        return {
            "maker": Trained(("maker",)),
            "judge": Trained(("judge",), OptimizerConfig(name="sgd", lr=0.05, momentum=0.5)),
        }

    def training_step(self, batch, step):
        fake = self.modules["maker"](torch.randn(len(batch["x"]), 2))
        with frozen(self.modules["judge"]):
            fooled = functional.softplus(-self.modules["judge"](fake)).mean()
        real = functional.softplus(-self.modules["judge"](batch["x"])).mean()
        caught = functional.softplus(self.modules["judge"](fake.detach())).mean()
        return {"maker": fooled, "judge": real + caught}, {}

    def validate(self, step):
        return {"spread": float(self.modules["maker"](torch.randn(64, 2)).std())}

    def export(self, folder):
        save_file(bare(self.modules["maker"]).state_dict(), folder / "model.safetensors")


class Teacher(Fit):
    """A student that follows its own momentum teacher; a queue of past outputs is extra state."""

    def __init__(self):
        self.queue = torch.zeros(4, 1)

    def build(self):
        student = super().build()["net"]
        teacher = super().build()["net"]
        teacher.load_state_dict(student.state_dict())
        return {"net": student, "teacher": teacher.requires_grad_(False)}

    def optimizers(self):
        return {"net": Trained(("net",))}

    def training_step(self, batch, step):
        student = self.modules["net"](batch["x"])
        with torch.no_grad():
            teacher = self.modules["teacher"](batch["x"])
        loss = (
            functional.mse_loss(student, batch["y"])
            + functional.mse_loss(student, teacher)
            + (student.mean() - self.queue.mean()) ** 2
        )
        self.queue = torch.cat([self.queue[1:], student.detach().mean(0, keepdim=True)])
        return {"net": loss}, {}

    def after_step(self, step):
        with torch.no_grad():
            pairs = zip(bare(self.modules["teacher"]).parameters(), bare(self.modules["net"]).parameters(), strict=True)
            for old, new in pairs:
                old.lerp_(new, 0.1)

    def extra_state(self):
        return {"queue": self.queue}

    def load_extra_state(self, state):
        self.queue = state["queue"]


class Cached(Plain):
    """Gradient caching: the loss needs the whole batch, the net sees half of it at a time."""

    def training_step(self, batch, step):
        with torch.no_grad():
            outputs = torch.cat([self.modules["net"](half) for half in batch["x"].chunk(2)])
        self.outputs = outputs.requires_grad_()
        return {"net": _contrast(self.outputs, batch["y"])}, {}

    def backward(self, losses, batch, step, backward):
        backward(losses["net"])
        for half, gradient in zip(batch["x"].chunk(2), self.outputs.grad.chunk(2), strict=True):
            (self.modules["net"](half) * gradient).sum().backward()


class Whole(Plain):
    """What `Cached` has to equal."""

    def training_step(self, batch, step):
        return {"net": _contrast(self.modules["net"](batch["x"]), batch["y"])}, {}


class Broken(Fit):
    """A loss that is NaN from the fifth step on."""

    def training_step(self, batch, step):
        losses, logs = super().training_step(batch, step)
        return {"net": losses["net"] * (float("nan") if step >= 5 else 1)}, logs


class Steep(Fit):
    """A finite loss whose gradient is NaN from the step `since` on."""

    since = 5

    def training_step(self, batch, step):
        losses, logs = super().training_step(batch, step)
        zero = losses["net"] * 0
        return {"net": losses["net"] + (zero.sqrt() if step >= self.since else zero)}, logs


def _contrast(outputs, targets):
    """A loss that no part of the batch can be left out of."""
    return functional.mse_loss(outputs - outputs.mean(0), targets) + outputs.std()


TASKS = {
    task.__name__.lower(): task for task in (Fit, Plain, Shared, OnFrozen, Gan, Teacher, Cached, Whole, Broken, Steep)
}
CONFIG = TrainConfig(
    seed=3,
    epochs=7,
    optimizer=OptimizerConfig(lr=0.03),
    schedule=ScheduleConfig(warmup_steps=3),
    clip_norm=1.0,
    ema_decay=0.9,
    checkpoint_every=2,
    log_every=1,
)


def train(task: Task, config: TrainConfig, folder: Path, *, resume: bool = False, watch=None) -> LoopResult:
    state = PartialState(cpu=True)
    can_resume = begin(folder, config, resume=resume) if state.is_main_process else resume
    state.wait_for_everyone()
    return Loop(task, config, folder, cpu=True).run(resume=can_resume, watch=watch)


if __name__ == "__main__":
    name, target, *words = sys.argv[1:]

    def slowly(row):
        if "slow" in words:
            sys.stdout.write(f"{row['step']}\n")
            sys.stdout.flush()
            time.sleep(0.02)

    train(TASKS[name](), CONFIG, Path(target), resume="resume" in words, watch=slowly)
