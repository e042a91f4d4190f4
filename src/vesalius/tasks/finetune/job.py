"""Finetuning as a job of `vesalius train`: its cases, its task, and the test of the model that it ships.

Letters: U pictures, N classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vesalius.cohort.cohort import Cohort
from vesalius.cohort.labels import check_decided
from vesalius.errors import UsageError
from vesalius.metrics.findings import measured, prevalences
from vesalius.metrics.operating import choose
from vesalius.report.findings import RELIABILITY, counted, reliability_figure, sections, text_of
from vesalius.report.result import Result
from vesalius.report.table import Cell
from vesalius.tasks.finetune.config import FinetuneConfig
from vesalius.tasks.finetune.infer import HeldOut, held_out, trained
from vesalius.tasks.finetune.task import FinetuneTask
from vesalius.tasks.job import Job

_COLUMNS = ("case", "slice", "patient", "class", "logit", "label")


class FinetuneJob(Job):
    """A run of finetuning.

    Args:
        config: of the run.

    Raises:
        InputError: the manifest cannot be read.
        UsageError: it holds nothing to train on.
    """

    Config = FinetuneConfig
    pipeline = "image-classification"
    config: FinetuneConfig

    def __init__(self, config: FinetuneConfig) -> None:
        self.config = config
        cohort = config.data.cohort()
        slices = config.data.slices
        self.classes = config.data.classes or cohort.classes if slices is None else tuple(slices.values)
        if not self.classes:
            raise UsageError("no case has a label", fix="build the manifest with labels, or name data.slices")
        if slices is None:
            check_decided(cohort, self.classes, config.data.where)
        self._parts = config.data.splits(cohort, config.train.seed)

    def parts(self) -> Mapping[str, Cohort]:
        return self._parts

    def task(self) -> FinetuneTask:
        return FinetuneTask(self.config, self._parts, self.classes)

    def trial(self) -> FinetuneTask:
        data = self.config.data.model_copy(update={"cache": None})
        return FinetuneTask(self.config.model_copy(update={"data": data}), self._parts, self.classes)

    def outcome(self, model: Path, device: str) -> Result:
        """Ranking, calibration and decisions; temperature and thresholds are chosen on the validation part."""
        net = trained(model, self.config, device)
        val = held_out(net, self._parts["val"], self.config, self.classes, self.progress)
        part = "test" if len(self._parts["test"]) else "val"
        found = held_out(net, self._parts["test"], self.config, self.classes, self.progress) if part == "test" else val
        point = choose(val.logits_UN, val.labels_UN)
        unit = "pictures" if self.config.data.slices is None else "slices"
        results: dict[str, Any] = {
            "part": part,
            **measured(found.logits_UN, found.labels_UN, found.owners, self.classes, point, unit),
        }
        results["prevalences"] = prevalences({"val": val.labels_UN, part: found.labels_UN}, self.classes)
        outcome = Result(results=results, columns=_COLUMNS, rows=_rows(found, self.classes))
        outcome.sections = sections(results, self.notes(), unit)
        outcome.figures = {RELIABILITY: reliability_figure(found.logits_UN, found.labels_UN, self.classes, point)}
        by = results["intervals"]
        outcome.measured = {
            f"AUROC of {unit}, {name}": text_of(one["auroc"], by) for name, one in results["classes"].items()
        }
        outcome.measured[f"AUROC of {unit}, mean"] = text_of(results["auroc"], by)
        outcome.tested_on = f"{counted(results, unit)} of the part {part}"
        return outcome


def _rows(found: HeldOut, classes: tuple[str, ...]) -> list[dict[str, Cell]]:
    numbers = {patient: number for number, patient in enumerate(dict.fromkeys(found.owners), start=1)}
    return [
        {
            "case": name,
            "slice": found.slices[u],
            "patient": numbers[found.owners[u]] if found.owners[u][1] else None,
            "class": classes[n],
            "logit": float(found.logits_UN[u, n]),
            "label": None if np.isnan(found.labels_UN[u, n]) else float(found.labels_UN[u, n]),
        }
        for u, name in enumerate(found.ids)
        for n in range(len(classes))
    ]
