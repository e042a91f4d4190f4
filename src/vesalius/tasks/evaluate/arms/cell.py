"""The training of one cell, in this process or in another on the same file system."""

from __future__ import annotations

import math
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from vesalius.errors import VesaliusError
from vesalius.report.page import PAGE
from vesalius.tasks.detect.job import DetectJob
from vesalius.tasks.finetune.job import FinetuneJob
from vesalius.tasks.train.run import make_job, train
from vesalius.training.run_folder import BEST, CONFIG, LAST, MODEL

_HEAVY = (LAST, BEST, MODEL)
"""Weights of a cell, which are removed once it is measured."""


@dataclass(frozen=True)
class RunLength:
    """How long a cell trains.

    Args:
        steps: optimizer steps.
        per_epoch: steps of an epoch, by which a warm-up in epochs counts.
    """

    steps: int
    per_epoch: int

    @classmethod
    def of(cls, job: FinetuneJob | DetectJob) -> RunLength:
        """Return the length of the run of a job."""
        train = job.config.train
        per_epoch = max(1, math.ceil(job.task().batches_per_epoch() / train.accumulate))
        whole = train.epochs * per_epoch
        return cls(min(whole, train.max_steps or whole), per_epoch)


@dataclass(frozen=True)
class Training:
    """What a process needs to train a cell.

    Args:
        config: a file, or the name of a configuration that comes with the package.
        folder: the run folder.
        words: overrides.
        budget: of the run; None: the epochs of the configuration.
        device: "cpu" or "cuda".
        threads: of PyTorch.
        place: the folder that relative paths start from.
    """

    config: str
    folder: Path
    words: tuple[str, ...]
    budget: RunLength | None
    device: str
    threads: int
    place: Path

    @property
    def is_done(self) -> bool:
        """Whether the cell is trained and measured: its page is written last."""
        return (self.folder / PAGE).is_file()


def run_training(training: Training) -> str | None:
    """Train and measure a cell, from where it was interrupted; return why it failed, None where it did not."""
    os.chdir(training.place)
    if training.folder.exists() and not (training.folder / CONFIG).exists():
        shutil.rmtree(training.folder)  # interrupted before it began
    try:
        words = _with_budget(training)
        train(training.config, training.folder, words, resume=True, device=training.device, threads=training.threads)
    except VesaliusError as error:
        return error.reason
    for name in _HEAVY:
        shutil.rmtree(training.folder / name, ignore_errors=True)
    return None


def _with_budget(training: Training) -> list[str]:
    """Add the epochs that the steps take, and validate at the end only: nothing is chosen by it."""
    job = make_job(training.config, training.words)
    if training.budget is None:
        return [*training.words, f"train.validate_every={job.config.train.epochs}"]
    steps = training.budget.steps
    epochs = math.ceil(steps / RunLength.of(job).per_epoch)  # type: ignore[arg-type]
    words = [f"train.epochs={epochs}", f"train.max_steps={steps}", f"train.validate_every={epochs}"]
    warmup = job.config.train.schedule.in_steps(training.budget.per_epoch).warmup_steps
    words += ["train.schedule.warmup_epochs=0", f"train.schedule.warmup_steps={warmup}"]
    return [*training.words, *words]
