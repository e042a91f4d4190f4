"""Detection as a job of `vesalius train`: its studies, its task, and the test of the model that it ships."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from accelerate import PartialState

from vesalius.cohort.cohort import Cohort
from vesalius.cohort.parts import training_parts
from vesalius.errors import UsageError
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
        UsageError: there is nothing to train or to validate on.
    """

    Settings = DetectConfig

    def __init__(self, config: DetectConfig) -> None:
        self.config = config
        self._source = source_of(config)
        self._parts = training_parts(
            self._source.cohort,
            config.data.ratios,
            fold=config.data.fold,
            seed=config.train.seed,
            where=_split_by(config),
        )
        self.classes = config.data.classes or self._source.cohort.classes
        for name in ("train", "val"):
            _check_labels(self._parts[name], self.classes, name)
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
        notes = self._parts["train"].notes
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


def _check_labels(cohort: Cohort, classes: tuple[str, ...], part: str) -> None:
    """Raise UsageError where nothing can be learned, or no temperature chosen."""
    if not classes:
        raise UsageError("no case has a label", fix="build the manifest with labels, or name a table of labels")
    values = {case.labels[name] >= 0.5 for case in cohort for name in classes if name in case.labels}
    if len(values) < 2:
        what = f"the part {part!r} has {len(cohort)} cases, and not both positive and negative labels among them"
        raise UsageError(what, fix="give more cases, or other data.ratios")
