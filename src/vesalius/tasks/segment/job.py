"""Segmentation as a job of `vesalius train`: its cases, its task, and the test of the model that it ships."""

from __future__ import annotations

from pathlib import Path

from vesalius.cohort.cohort import Cohort
from vesalius.cohort.groups import owners
from vesalius.metrics.drawn import Drawn
from vesalius.report.result import Result
from vesalius.tasks.cohort_job import CohortJob
from vesalius.tasks.segment.config import SegmentConfig, SegmentSettings
from vesalius.tasks.segment.labels import units
from vesalius.tasks.segment.outcome import COLUMNS, SegmentSummary, Unit, extremes_picture, measure, table_rows
from vesalius.tasks.segment.segmenter import Segmenter
from vesalius.tasks.segment.task import SegmentTask
from vesalius.tasks.segment.trivial import OTSU, Beside, Otsu


class SegmentJob(CohortJob):
    """A run of segmentation. Arguments and errors as for `CohortJob`."""

    Config = SegmentConfig
    predictor = "vesalius.tasks.segment.predict:SegmentPredictor"
    pipeline = "image-segmentation"
    config: SegmentConfig

    def task_of(self, config: SegmentConfig) -> SegmentTask:
        return SegmentTask(config, self._parts)

    def outcome(self, model: Path, device: str) -> Result:
        data, segmenter = self.config.data, Segmenter.from_pretrained(model, device)
        name = "test" if len(units(self._parts["test"], self.config.data.masks)) else "val"
        cohort = units(self._parts[name], self.config.data.masks)
        measured: list[Unit] = []  # with at least one class
        outcome = Result()
        for case, unit in measure(segmenter, cohort, data.images, absent=data.absent, progress=self.progress):
            if isinstance(unit, Unit) and unit.rows:
                measured.append(unit)
            elif not isinstance(unit, Unit):
                outcome.failures[case.id] = unit.reason
        rows = [row for unit in measured for row in unit.rows]
        patients, cases = owners(cohort), {row.case for row in rows}
        drawn = Drawn.of(patients[case.id] for case in cohort if case.id in cases)
        summary = SegmentSummary.of(rows, self.config.cavity, drawn)
        outcome.results = summary.results | {"part": name}
        outcome.rows, outcome.columns = table_rows(rows), COLUMNS
        if measured:
            outcome.figures["held-out.png"] = extremes_picture(measured, tuple(self.config.data.labels))
        outcome.sections = summary.sections(name, tuple(outcome.figures))
        outcome.measured = summary.texts
        settings = SegmentSettings.of(self.config)
        if settings.has_baseline and rows:
            self._compare(outcome, summary, settings, cohort)
        for note in self.notes():
            outcome.sections[0].text(note[0].upper() + note[1:] + ".", "note")
        outcome.verdict = summary.verdict(name, outcome.results.get("trivial_baseline"))
        outcome.tested_on = f"{drawn.words} of the {name} split"
        return outcome

    def _compare(self, outcome: Result, summary: SegmentSummary, settings: SegmentSettings, cohort: Cohort) -> None:
        """Measure the trivial baseline on the same pictures, and put it beside the model."""
        data = self.config.data
        otsu = Otsu(settings, data.images)
        units_of = measure(otsu, cohort, data.images, absent=data.absent)
        baseline = [row for _, unit in units_of if isinstance(unit, Unit) for row in unit.rows]
        beside = Beside.of(summary.rows, baseline)
        outcome.results["trivial_baseline"] = beside.results
        outcome.measured |= {f"Dice, {OTSU} instead": beside.text}
        outcome.sections.insert(1, beside.section(summary.classes[0].dice, summary.drawn.by))
