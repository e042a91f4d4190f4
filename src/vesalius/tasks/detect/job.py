"""Detection as a job of `vesalius train`: its studies, its task, and the test of the shipped model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from accelerate import PartialState

from vesalius.cohort.cohort import Cohort
from vesalius.cohort.split import left_out_notes, training_splits
from vesalius.errors import UsageError
from vesalius.report.result import Result
from vesalius.tasks.classify.checks import (
    check_both,
    check_classes,
    check_decided,
    held_out_notes,
    left_out_words,
    training_notes,
)
from vesalius.tasks.detect.config import DetectConfig
from vesalius.tasks.detect.cost import Tried
from vesalius.tasks.detect.measure import feature_files, measure_model
from vesalius.tasks.detect.source import source_of
from vesalius.tasks.detect.studies import Studies, Vectors, studies_of
from vesalius.tasks.detect.task import DetectTask
from vesalius.tasks.job import Job, Preparation


class DetectJob(Job):
    """A run of detection.

    Args:
        config: of the run.

    Raises:
        InputError: a file cannot be read.
        UsageError: there is nothing to train or to validate on, a label is neither 0 nor 1, a class has no labels, or
            splits that are given would leak.
    """

    Config = DetectConfig
    predictor = "vesalius.tasks.detect.predict:DetectPredictor"
    pipeline = "image-classification"
    volatile = Job.volatile | {"data.batch"}
    config: DetectConfig

    def __init__(self, config: DetectConfig) -> None:
        self.config = config
        self._source = source_of(config)
        cohort, data = self._source.cohort, config.data
        self.classes = data.classes or self._source.classes
        check_classes(self._source.classes, self.classes, data.names_labels)
        check_decided(cohort, self.classes, data.names_labels)
        if config.loss.slices and not self._source.has_slice_labels:
            fix = "set it to 0, or give loose slices with data.unit=study, or a line of labels for each row of a study"
            raise UsageError("no single slice has labels", where="loss.slices", fix=fix)
        self._parts = training_splits(
            cohort, data.ratios, fold=data.fold, seed=config.train.seed, where=data.names_splits
        )
        for name in ("train", "val"):
            check_both(self._parts[name], self.classes, name)
        self._outside = left_out_notes(cohort, self._parts, "are in no split of the run")
        self._left_out: Mapping[str, Cohort] = {}
        self._studies: Mapping[str, Studies] = {}

    @property
    def reads_scans(self) -> bool:
        return self._source.reads_scans

    def parts(self) -> Mapping[str, Cohort]:
        return self._parts

    def task(self) -> DetectTask:
        device = _device()
        return DetectTask(
            self.config,
            self.classes,
            lambda: self.studies(device),
            self._source.settings(self.classes, device),
            self._source.encoder(device),
        )

    def trial(self) -> DetectTask:
        """As large as the run: vectors of a few scans stand in for the others. They are not kept."""
        device = _device()
        settings = self._source.settings(self.classes, device)
        return DetectTask(self.config, self.classes, lambda: self._joined(self._parts, self._tried.vectors), settings)

    def preparation(self) -> Preparation | None:
        return self._tried.cost

    @cached_property
    def _tried(self) -> Tried:
        self.progress("encoding a few scans")
        return self._source.tried(self._whole(), _device())

    def notes(self) -> Sequence[str]:
        train, problems = self._parts["train"], self._source.problems
        notes = (*train.notes, *self._outside, *training_notes(self._whole(), train, self.classes))
        return (*notes, left_out_words(problems)) if problems else notes

    def warnings(self) -> Sequence[str]:
        return (*self.notes(), *held_out_notes(self._parts, self.classes))

    def left_out(self) -> Mapping[str, Cohort]:
        return self._left_out

    @property
    def skips_invalid(self) -> bool:
        return self.config.data.skip_invalid

    def studies(self, device: str) -> Mapping[str, Studies]:
        """Return the studies of each split with their vectors; computed once.

        Raises:
            InputError: a case cannot be read.
            UsageError: a part has nothing left.
        """
        if not self._studies:
            with PartialState().main_process_first():  # one process extracts, the others find it done
                vectors = self._source.vectors(self._whole(), device, self.progress)
            known = vectors.of_case
            self._left_out = {name: part.where(lambda case: case.id not in known) for name, part in self._parts.items()}
            self._parts = {name: part.where(lambda case: case.id in known) for name, part in self._parts.items()}
            for name in ("train", "val"):
                if not len(self._parts[name]):
                    raise UsageError(f"no case of the split {name!r} can be read", fix="mend the files")
                check_both(self._parts[name], self.classes, name)
            self._studies = self._joined(self._parts, vectors)
        return self._studies

    def outcome(self, model: Path, device: str) -> Result:
        studies = self.studies(device)
        part = "test" if len(studies["test"]) else "val"
        outcome = measure_model(model, studies, part, device, self.notes(), self._source.problems)
        if self.reads_scans:
            outcome.files |= feature_files(studies, self.classes)
        return outcome

    def _whole(self) -> Cohort:
        return Cohort(tuple(case for part in self._parts.values() for case in part), self._source.cohort.root)

    def _joined(self, parts: Mapping[str, Cohort], vectors: Vectors) -> Mapping[str, Studies]:
        unit = self.config.data.unit
        return {name: studies_of(part, vectors, self.classes, unit) for name, part in parts.items()}


def _device() -> str:
    """The device of the loop, as `PartialState(cpu=...)` was set up before."""
    return str(PartialState().device)
