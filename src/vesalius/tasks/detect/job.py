"""Detection as a job of `vesalius train`: its studies, its task, and the test of the model that it ships."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from accelerate import PartialState

from vesalius.cohort.cohort import Cohort
from vesalius.cohort.parts import training_parts
from vesalius.errors import UsageError
from vesalius.tasks.detect.checks import check_both, check_classes, check_decided, notes_of
from vesalius.tasks.detect.config import DetectConfig
from vesalius.tasks.detect.measure import outcome_of
from vesalius.tasks.detect.outputs import feature_files
from vesalius.tasks.detect.source import source_of
from vesalius.tasks.detect.studies import Studies, Vectors, studies_of
from vesalius.tasks.detect.task import DetectTask
from vesalius.tasks.job import Job, Outcome

_FEW = 4


class DetectJob(Job):
    """A run of detection.

    Args:
        config: of the run.

    Raises:
        InputError: a file cannot be read.
        UsageError: there is nothing to train or to validate on, a label is neither 0 nor 1, a class has no labels, or
            splits that are given would leak.
    """

    Settings = DetectConfig

    def __init__(self, config: DetectConfig) -> None:
        self.config = config
        self._source = source_of(config)
        cohort, data = self._source.cohort, config.data
        self.classes = data.classes or self._source.classes
        where = ", ".join(str(path) for path in data.manifest) or str(data.labels)
        check_classes(self._source.classes, self.classes, where)
        check_decided(cohort, self.classes, where)
        if config.loss.slices and not self._source.has_slice_labels:
            fix = "set it to 0, or give loose slices with data.unit=study, or a line of labels for each row of a study"
            raise UsageError("no single slice has labels", where="loss.slices", fix=fix)
        self._parts = training_parts(
            cohort, data.ratios, fold=data.fold, seed=config.train.seed, where=_split_by(config)
        )
        for name in ("train", "val"):
            check_both(self._parts[name], self.classes, name)
        self._notes = notes_of(cohort, self._parts["train"], self.classes)
        self._studies: Mapping[str, Studies] = {}

    @property
    def settings(self) -> DetectConfig:
        return self.config

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
            self._source.add,
        )

    def trial(self) -> DetectTask:
        """A few studies of each part; their vectors are not kept."""
        device = _device()
        few = {name: Cohort(part.cases[:_FEW], part.root) for name, part in self._parts.items() if name != "test"}
        settings = self._source.settings(self.classes, device)
        return DetectTask(self.config, self.classes, lambda: self._joined(few, self._source.few(few, device)), settings)

    def studies(self, device: str) -> Mapping[str, Studies]:
        """The studies of each part, with vectors; made once.

        Raises:
            InputError: a case cannot be read.
            UsageError: a part has nothing left.
        """
        if not self._studies:
            with PartialState().main_process_first():  # one process extracts, the others find it done
                vectors = self._source.vectors(self._parts, device)
            self._studies = self._joined(self._parts, vectors)
            for name in ("train", "val"):
                if not len(self._studies[name]):
                    raise UsageError(f"no case of the part {name!r} can be read", fix="mend the files")
        return self._studies

    def outcome(self, model: Path, device: str) -> Outcome:
        studies = self.studies(device)
        part = "test" if len(studies["test"]) else "val"
        notes = (*self._parts["train"].notes, *self._notes)
        outcome = outcome_of(model, studies, part, device, notes, self._source.problems)
        if self.reads_scans:
            outcome.files |= feature_files(studies)
        return outcome

    def _joined(self, parts: Mapping[str, Cohort], vectors: Vectors) -> Mapping[str, Studies]:
        unit = self.config.data.unit
        return {name: studies_of(part, vectors, self.classes, unit) for name, part in parts.items()}


def _device() -> str:
    """Where the loop will run: asked for before by `PartialState(cpu=...)`."""
    return str(PartialState().device)


def _split_by(config: DetectConfig) -> str:
    """The files that may name splits, for messages."""
    data = config.data
    return ", ".join(str(path) for path in data.manifest) or str(data.splits or data.patients or data.embeddings)
