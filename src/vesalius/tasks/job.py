"""What a job gives to `vesalius train` besides the task that the loop runs: its data, and a test of what it ships."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, model_validator

from vesalius.cohort.cohort import Cohort
from vesalius.config import Config
from vesalius.report.result import Result
from vesalius.training.config import TrainConfig
from vesalius.training.task import Task


class SourceConfig(Config):
    """Data that a model has seen, for its card."""

    name: str = Field(description="of the data set")
    licence: str = Field(description="under which it may be used")
    note: str = Field(default="", description="how many patients, which part")


class CardConfig(Config):
    """What the model card says besides what the run measures."""

    summary: str = Field(default="", description="what the model is, in one sentence")
    licence: str = Field(default="unknown", description="of the weights")
    data: tuple[SourceConfig, ...] = Field(default=(), description="what it was trained on")
    limits: tuple[str, ...] = Field(default=(), description="where it fails or must not be used")


class JobConfig(Config):
    """What every configuration of a run has."""

    task: str
    card: CardConfig = CardConfig()
    train: TrainConfig = TrainConfig()

    @model_validator(mode="before")
    @classmethod
    def _best_of_the_job(cls, given: Any) -> Any:
        """By which measure weights are chosen, where `train` says other things and nothing about it."""
        train = given.get("train") if isinstance(given, dict) else None
        own = cls.model_fields["train"].default
        if not isinstance(train, dict) or "best" in train or not isinstance(own, TrainConfig) or own.best is None:
            return given
        return {**given, "train": {"best": own.best, "best_is": own.best_is, **train}}


@dataclass(frozen=True)
class Preparation:
    """What a run does once, before its loop begins.

    Args:
        scans: that are to be looked at.
        slices: of these scans; about, where only pixels tell which are left out.
        there: scans that are finished already, in the cache.
        measured: scans on which the time was measured.
        slice_seconds: mean time for a slice, reading included.
        parameters: by part, of what is frozen.
    """

    scans: int
    slices: int
    there: int
    measured: int
    slice_seconds: float
    parameters: Mapping[str, int]

    @property
    def seconds(self) -> float:
        """Of the whole preparation."""
        return self.slices * self.slice_seconds


def _nothing(line: str) -> None:
    """Say nothing."""


class Job(ABC):
    """A kind of run. Subclasses set `Settings` and take a configuration of that class."""

    Settings: ClassVar[type[JobConfig]]
    progress: Callable[[str], None] = staticmethod(_nothing)
    """Told how far the work outside the loop is: a preparation before it, the test after it."""

    @abstractmethod
    def __init__(self, config: Any) -> None: ...

    @property
    @abstractmethod
    def settings(self) -> JobConfig:
        """The configuration."""

    @abstractmethod
    def parts(self) -> Mapping[str, Cohort]:
        """The cases of each split; once a task was built, without those that turned out to be unreadable."""

    def left_out(self) -> Mapping[str, Cohort]:
        """The unreadable cases of each split, once a task was built."""
        return {}

    def notes(self) -> Sequence[str]:
        """What a careful user should know of the cases: what is left out and why, patients that are not known."""
        return next(iter(self.parts().values())).notes

    @property
    def skips_invalid(self) -> bool:
        """Whether the run goes on without a case that cannot be read."""
        return False

    def preparation(self) -> Preparation | None:
        """The cost of what is done once before the loop begins, measured on a few real cases; None: nothing is."""
        return None

    @abstractmethod
    def task(self) -> Task:
        """What the loop runs; a new one at each call."""

    @property
    def reads_scans(self) -> bool:
        """Whether the files of its cases are scans, which an audit can read."""
        return True

    def trial(self) -> Task:
        """A task for a few steps that tell time and memory; it may not write anything that stays."""
        return self.task()

    @abstractmethod
    def outcome(self, model: Path, device: str) -> Result:
        """Test the shipped model on cases that it was not trained on.

        Args:
            model: the model folder of the run.
            device: where the net runs, e.g. "cpu".
        """
