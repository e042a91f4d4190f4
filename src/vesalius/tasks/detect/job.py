"""Detection as a job of `vesalius train`: its studies, its task, and the test of the model that it ships.

Letters: S studies, C classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from accelerate import PartialState

from vesalius.cohort.cohort import Cohort
from vesalius.cohort.parts import training_parts
from vesalius.errors import UsageError
from vesalius.metrics.calibration import cooled
from vesalius.metrics.findings import measured, prevalences, reliability_points
from vesalius.report.findings import RELIABILITY, sections, text_of
from vesalius.report.table import Cell
from vesalius.tasks.detect.config import DetectConfig
from vesalius.tasks.detect.infer import logits
from vesalius.tasks.detect.outputs import feature_files, result_files
from vesalius.tasks.detect.settings import Calibration
from vesalius.tasks.detect.source import source_of
from vesalius.tasks.detect.studies import Studies, Vectors, studies_of
from vesalius.tasks.detect.task import DetectTask
from vesalius.tasks.job import Job, Outcome
from vesalius.weights.saved import from_pretrained

_COLUMNS = ("study", "patient", "class", "logit", "probability", "label")
_FEW, _EXAMPLES = 4, 5


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
            self._source.cohort, config.data.ratios, fold=config.data.fold, seed=config.train.seed
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
        held_out = studies[part]
        calibration = Calibration.read(model)
        found_SC = logits(from_pretrained(model, "detect").net.to(device), held_out).study_SC
        point = calibration.point
        p_SC = point.probabilities(found_SC)
        results: dict[str, Any] = {
            "part": part,
            **measured(found_SC, held_out.labels_SC, held_out.patients, self.classes, point),
        }
        results["prevalences"] = prevalences({name: one.labels_SC for name, one in studies.items()}, self.classes)
        problems = self._source.problems
        results["invalid_nifti_report"] = {
            "count": len(problems),
            "reasons": dict(Counter(_kind(one.reason) for one in problems)),
            "examples": [{"case": one.id, "reason": one.reason} for one in problems[:_EXAMPLES]],
        }
        outcome = Outcome(results=results, columns=_COLUMNS)
        notes = [*self._parts["train"].notes]
        if problems:
            notes.append(f"{len(problems)} cases cannot be read and are left out, {problems[0]} for one")
        outcome.sections = sections(results, notes)
        outcome.rows = _rows(held_out, self.classes, found_SC, p_SC)
        outcome.figures = {RELIABILITY: self._reliability(found_SC, p_SC, held_out)}
        outcome.measured = {f"AUROC, {name}": text_of(one["auroc"]) for name, one in results["classes"].items()}
        outcome.measured["AUROC, mean"] = text_of(results["auroc"])
        outcome.files = result_files(results, p_SC) | (feature_files(studies) if self.reads_scans else {})
        return outcome

    def _joined(self, parts: Mapping[str, Cohort], vectors: Vectors) -> Mapping[str, Studies]:
        unit = self.config.data.unit
        return {name: studies_of(part, vectors, self.classes, unit) for name, part in parts.items()}

    def _reliability(self, logits_SC: Any, p_SC: Any, studies: Studies) -> bytes:
        from vesalius.report.reliability import reliability_plot

        labels = studies.labels_SC
        before = reliability_points(cooled(logits_SC, 1.0), labels, self.classes)
        after = reliability_points(p_SC, labels, self.classes)
        return reliability_plot({"As trained": before, "With temperature": after})


def _kind(reason: str) -> str:
    """What a table is told for, else that the scan could not be read: reasons of files name the files."""
    return reason if reason.startswith("nifti_path") else "cannot be read"


def _device() -> str:
    """Where the loop will run: asked for before by `PartialState(cpu=...)`."""
    return str(PartialState().device)


def _check_labels(cohort: Cohort, classes: tuple[str, ...], part: str) -> None:
    """Raise UsageError where nothing can be learned, or no temperature chosen."""
    if not classes:
        raise UsageError("no case has a label", fix="build the manifest with labels, or name a table of labels")
    values = {case.labels[name] >= 0.5 for case in cohort for name in classes if name in case.labels}
    if len(values) < 2:
        what = f"the part {part!r} has {len(cohort)} cases, and not both positive and negative labels among them"
        raise UsageError(what, fix="give more cases, or other data.ratios")


def _rows(studies: Studies, classes: tuple[str, ...], logits_SC: Any, p_SC: Any) -> list[dict[str, Cell]]:
    numbers = {patient: number for number, patient in enumerate(dict.fromkeys(studies.patients), start=1)}
    return [
        {
            "study": study,
            "patient": numbers[studies.patients[s]],
            "class": name,
            "logit": float(logits_SC[s, c]),
            "probability": float(p_SC[s, c]),
            "label": None if np.isnan(studies.labels_SC[s, c]) else float(studies.labels_SC[s, c]),
        }
        for s, study in enumerate(studies.ids)
        for c, name in enumerate(classes)
    ]
