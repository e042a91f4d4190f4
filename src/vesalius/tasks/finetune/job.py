"""Finetuning as a job of `vesalius train`: its cases, its task, and the test of the model that it ships.

Letters: U pictures, N classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import read_manifests
from vesalius.errors import UsageError
from vesalius.metrics.findings import measured, prevalences
from vesalius.metrics.operating import choose
from vesalius.report.findings import RELIABILITY, reliability_figure, sections, text_of
from vesalius.report.table import Cell
from vesalius.tasks.finetune.config import FinetuneConfig
from vesalius.tasks.finetune.infer import HeldOut, held_out, trained
from vesalius.tasks.finetune.task import FinetuneTask
from vesalius.tasks.finetune.units import split_parts
from vesalius.tasks.job import Job, Outcome

_COLUMNS = ("case", "slice", "patient", "class", "logit", "label")


class FinetuneJob(Job):
    """A run of finetuning.

    Args:
        config: of the run.

    Raises:
        InputError: the manifest cannot be read.
        UsageError: it holds nothing to train on.
    """

    Settings = FinetuneConfig

    def __init__(self, config: FinetuneConfig) -> None:
        self.config = config
        cohort = read_manifests(config.data.manifest)
        slices = config.data.slices
        self.classes = config.data.classes or cohort.classes if slices is None else tuple(slices.values)
        if not self.classes:
            raise UsageError("no case has a label", fix="build the manifest with labels, or name data.slices")
        self._parts = split_parts(cohort, config.data, config.train.seed)

    @property
    def settings(self) -> FinetuneConfig:
        return self.config

    def parts(self) -> Mapping[str, Cohort]:
        return self._parts

    def task(self) -> FinetuneTask:
        return FinetuneTask(self.config, self._parts, self.classes)

    def outcome(self, model: Path, device: str) -> Outcome:
        """Ranking, calibration and decisions; temperature and thresholds are chosen on the validation part."""
        net = trained(model, self.config, device)
        val = held_out(net, self._parts["val"], self.config, self.classes)
        part = "test" if len(self._parts["test"]) else "val"
        found = held_out(net, self._parts["test"], self.config, self.classes) if part == "test" else val
        point = choose(val.logits_UN, val.labels_UN)
        unit = "pictures" if self.config.data.slices is None else "slices"
        results: dict[str, Any] = {
            "part": part,
            **measured(found.logits_UN, found.labels_UN, found.patients, self.classes, point, unit),
        }
        results["prevalences"] = prevalences({"val": val.labels_UN, part: found.labels_UN}, self.classes)
        outcome = Outcome(results=results, columns=_COLUMNS, rows=_rows(found, self.classes))
        outcome.sections = sections(results, self._parts["train"].notes, unit)
        outcome.figures = {RELIABILITY: reliability_figure(found.logits_UN, found.labels_UN, self.classes, point)}
        outcome.measured = {
            f"AUROC of {unit}, {name}": text_of(one["auroc"]) for name, one in results["classes"].items()
        }
        outcome.measured[f"AUROC of {unit}, mean"] = text_of(results["auroc"])
        outcome.tested_on = f"{results[unit]} {unit} of {results['patients']} patients of the part {part}"
        return outcome


def _rows(found: HeldOut, classes: tuple[str, ...]) -> list[dict[str, Cell]]:
    numbers = {patient: number for number, patient in enumerate(dict.fromkeys(found.patients), start=1)}
    return [
        {
            "case": name,
            "slice": found.slices[u],
            "patient": numbers[found.patients[u]],
            "class": classes[n],
            "logit": float(found.logits_UN[u, n]),
            "label": None if np.isnan(found.labels_UN[u, n]) else float(found.labels_UN[u, n]),
        }
        for u, name in enumerate(found.ids)
        for n in range(len(classes))
    ]
