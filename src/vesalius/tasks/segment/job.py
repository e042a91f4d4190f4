"""Segmentation as a job of `vesalius train`: its cases, its task, and the test of the model that it ships."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

from vesalius.cohort.cohort import Cohort
from vesalius.cohort.groups import owners
from vesalius.metrics.drawn import Drawn
from vesalius.report.result import Result
from vesalius.tasks.job import Job
from vesalius.tasks.segment.config import SegmentConfig
from vesalius.tasks.segment.measure import Measured, Unit, measure
from vesalius.tasks.segment.segmenter import Segmenter
from vesalius.tasks.segment.summary import error_text, function_rows, sections, summarized
from vesalius.tasks.segment.task import SegmentTask
from vesalius.tasks.segment.units import units

_PICTURES = 3


class SegmentJob(Job):
    """A run of segmentation.

    Args:
        config: of the run.

    Raises:
        InputError: the manifest cannot be read.
        UsageError: it holds nothing to train on.
    """

    Settings = SegmentConfig

    def __init__(self, config: SegmentConfig) -> None:
        self.config = config
        self._parts = config.data.splits(config.data.cohort(), config.train.seed)

    @property
    def settings(self) -> SegmentConfig:
        return self.config

    def parts(self) -> Mapping[str, Cohort]:
        return self._parts

    def task(self) -> SegmentTask:
        return SegmentTask(self.config, self._parts)

    def trial(self) -> SegmentTask:
        data = self.config.data.model_copy(update={"cache": None})
        return SegmentTask(self.config.model_copy(update={"data": data}), self._parts)

    def outcome(self, model: Path, device: str) -> Result:
        data, segmenter = self.config.data, Segmenter.from_pretrained(model, device)
        name = "test" if len(units(self._parts["test"], self.config.data.masks)) else "val"
        cohort = units(self._parts[name], self.config.data.masks)
        done: list[Unit] = []  # with at least one class to measure
        outcome = Result()
        for case, one in measure(segmenter, cohort, data.images, absent=data.absent, progress=self.progress):
            if isinstance(one, Unit) and one.rows:
                done.append(one)
            elif not isinstance(one, Unit):
                outcome.failures[case.id] = one.reason
        rows = [row for unit in done for row in unit.rows]
        functions = function_rows(rows, self.config.cavity)
        whose, measured = owners(cohort), {row.unit for row in rows}
        drawn = Drawn.of(whose[case.id] for case in cohort if case.id in measured)
        outcome.results = summarized(rows, functions, drawn) | {"part": name}
        outcome.rows = [asdict(row) for row in rows]
        outcome.columns = tuple(Measured.__dataclass_fields__)
        outcome.figures = {"held-out.png": _pictures(done, tuple(self.config.data.labels))} if done else {}
        outcome.sections = sections(rows, functions, name, tuple(outcome.figures), drawn)
        for note in self.notes():
            outcome.sections[0].text(note[0].upper() + note[1:] + ".", "note")
        outcome.measured = {f"Dice, {key}": value["text"] for key, value in outcome.results["classes"].items()}
        if functions:
            outcome.measured["Ejection fraction, mean absolute error"] = error_text(
                outcome.results["ejection_fraction"]
            )
        outcome.tested_on = f"{drawn.words} of the part {name}"
        return outcome


def _pictures(done: list[Unit], names: tuple[str, ...]) -> bytes:
    """The worst, the middle and the best case."""
    from vesalius.report.overlay import outlines
    from vesalius.tasks.segment.summary import mean

    scores = {id(unit): mean([row.dice for row in unit.rows]) for unit in done}
    ranked = sorted(done, key=lambda unit: (math.isnan(scores[id(unit)]), scores[id(unit)]))
    chosen = [ranked[place] for place in sorted({0, len(ranked) // 2, len(ranked) - 1})][:_PICTURES]
    shown = []
    for unit in chosen:
        first = unit.rows[0]
        where = f"patient {first.patient}" + ("" if first.map == "mask" else f", {first.map}")
        shown.append(replace(unit.picture, caption=f"{where}\nmean Dice {mean([row.dice for row in unit.rows]):.3f}"))
    return outlines(shown, names)
