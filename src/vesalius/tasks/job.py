"""The interface between a job and `vesalius train`: configuration, cases, the task of the loop, a test of the model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, field_validator, model_validator

from vesalius.cohort.cohort import Cohort
from vesalius.config import Config
from vesalius.report.result import Result
from vesalius.training.config import TrainConfig
from vesalius.training.footprint import Footprint
from vesalius.training.task import Task
from vesalius.weights.card import DataSource
from vesalius.wording import Progress, quiet


class CardConfig(Config):
    """Words of the model card; its numbers come from the run."""

    summary: str = Field(default="", description="the model in one sentence")
    licence: str = Field(default="unknown", description="licence of the weights")
    data: tuple[DataSource, ...] = Field(default=(), description="data sets that it was trained on")
    limits: tuple[str, ...] = Field(default=(), description="where it fails or must not be used")


class InitConfig(Config):
    """Weights of a trained model that a run starts from."""

    model: str = Field(description="a run or model folder, or a name of the zoo")
    part: str = Field(default="encoder", description="part of that model; it goes into the part of the same name")
    allow: tuple[str, ...] = Field(
        default=(), description="patterns of tensors that may be missing, unexpected or of another shape"
    )
    inflate: tuple[str, ...] = Field(
        default=(),
        description="patterns of kernels that see the image: where the run has n times as many channels, they are "
        "repeated and divided by n, so that equal channels give what one gave",
    )


class JobConfig(Config):
    """Base of the configurations of all runs."""

    task: str
    card: CardConfig = CardConfig()
    init_from: InitConfig | None = Field(
        default=None, description="weights to start from, RUN or a block; none: fresh ones"
    )
    train: TrainConfig = TrainConfig()

    @field_validator("init_from", mode="before")
    @classmethod
    def _model_alone(cls, given: Any) -> Any:
        """Take `init_from: RUN` for its encoder."""
        return {"model": given} if isinstance(given, str) else given

    @model_validator(mode="before")
    @classmethod
    def _best_of_the_job(cls, given: Any) -> Any:
        """Fill in the job's default `best` where `train` is given without one."""
        train = given.get("train") if isinstance(given, dict) else None
        usual = cls.model_fields["train"].default
        if not isinstance(train, dict) or "best" in train or not isinstance(usual, TrainConfig) or usual.best is None:
            return given
        return {**given, "train": {"best": usual.best, "best_is": usual.best_is, **train}}


@dataclass(frozen=True)
class Preparation:
    """The work of a run before its loop begins: scans to encode, besides those that are `there`, in the cache.

    Args:
        scans: number of scans to encode.
        slices: number of their slices; an estimate where only pixels decide which slices are skipped.
        there: number of scans in the cache.
        measured: number of scans on which the time was measured.
        slice_seconds: mean time for a slice, reading included.
        parameters: counts of the frozen parts by name.
    """

    scans: int
    slices: int
    there: int
    measured: int
    slice_seconds: float
    parameters: Mapping[str, int]

    @property
    def seconds(self) -> float:
        """Expected time of the whole preparation."""
        return self.slices * self.slice_seconds


class Job(ABC):
    """A kind of run. Subclasses set `Config` and take a configuration of that class, which they keep as `config`."""

    Config: ClassVar[type[JobConfig]]
    predictor: ClassVar[str | None] = None
    """"module:Class" of the predictor of the models that it ships; None: they predict nothing."""
    pipeline: ClassVar[str] = ""
    """Name that model hubs have for the work of its models."""
    lead: ClassVar[str] = "The trained model is tested on cases that it has not seen; then how it was trained."
    """First paragraph of the report."""
    panels: ClassVar[Mapping[str, Sequence[str]]] = {}
    """Charts of the validation measures in the report: title -> measures; empty: one chart of all."""
    volatile: ClassVar[frozenset[str]] = frozenset({"card", "data.workers", "data.memory_mib", "data.cache"})
    """Keys, or blocks of keys, that may differ when a run is resumed: they change no number of the record."""

    config: JobConfig
    progress: Progress = staticmethod(quiet)
    """Callback that receives the progress of the work outside the loop: a preparation before it, the test after it."""

    @abstractmethod
    def __init__(self, config: Any) -> None: ...

    @abstractmethod
    def parts(self) -> Mapping[str, Cohort]:
        """The cases of each split; once a task was built, without those that turned out to be unreadable."""

    def left_out(self) -> Mapping[str, Cohort]:
        """The unreadable cases of each split, once a task was built."""
        return {}

    def notes(self) -> Sequence[str]:
        """Caveats about the cases: which are skipped and why, unknown patients."""
        return next(iter(self.parts().values())).notes

    def warnings(self) -> Sequence[str]:
        """What to say before training: `notes`, and what the test will be unable to measure."""
        return self.notes()

    @property
    def skips_invalid(self) -> bool:
        """Whether the run goes on without a case that cannot be read."""
        return False

    def preparation(self) -> Preparation | None:
        """Cost of the work before the loop begins, measured on a few real cases; None: there is no such work."""
        return None

    @abstractmethod
    def task(self) -> Task:
        """Make the task of the loop; a new one at each call."""

    @property
    def reads_scans(self) -> bool:
        """Whether the files of its cases are scans, which an audit can read."""
        return True

    def trial(self) -> Task:
        """A throw-away task for estimating time and memory; it must leave nothing on disk."""
        return self.task()

    def footprint(self, device_type: str) -> Footprint | None:
        """Memory of training by the sizes of the net alone, on "cpu" or "cuda"; None: not known before it is built."""
        del device_type
        return None

    @abstractmethod
    def outcome(self, model: Path, device: str) -> Result:
        """Test the shipped model on cases that it was not trained on.

        Args:
            model: the model folder of the run.
            device: where the net runs, e.g. "cpu".
        """
