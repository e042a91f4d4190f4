"""A job whose cases are those of the data block of its configuration: its splits, its task, its trial."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from vesalius.cohort.cohort import Cohort
from vesalius.tasks.job import Job
from vesalius.training.task import Task


class CohortJob(Job):
    """A job on the cases of `config.data`.

    Args:
        config: of the run; its `data` is a `CohortData`.
        cohort: the cases; None: those of `config.data`.

    Raises:
        InputError: the manifest cannot be read.
        UsageError: it holds nothing to train on.
    """

    config: Any

    def __init__(self, config: Any, cohort: Cohort | None = None) -> None:
        self.config = config
        cases = config.data.cohort() if cohort is None else cohort
        self._parts: Mapping[str, Cohort] = config.data.splits(cases, config.train.seed)

    def parts(self) -> Mapping[str, Cohort]:
        return self._parts

    @abstractmethod
    def task_of(self, config: Any) -> Task:
        """Make a task on the cases, of the configuration of the run or one with another `data`."""

    def task(self) -> Task:
        return self.task_of(self.config)

    def trial(self) -> Task:
        """As the task, but nothing is kept on disk."""
        data = self.config.data.model_copy(update={"cache": None})
        return self.task_of(self.config.model_copy(update={"data": data}))

    @property
    def unseen(self) -> str:
        """The split that a model is tested on: "test", or "val" where no case is left for a test."""
        return "test" if len(self._parts["test"]) else "val"
