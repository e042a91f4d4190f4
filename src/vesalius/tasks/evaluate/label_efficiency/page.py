"""The report of a label-efficiency run: the figure, the table, what was left out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from vesalius.csv_table import Cell as TableCell
from vesalius.metrics.bootstrap import MIN_PATIENTS, Interval
from vesalius.metrics.drawn import Drawn
from vesalius.report.chart import Band, banded
from vesalius.report.page import Column, ReportTable
from vesalius.report.result import Result
from vesalius.report.table import NOTHING, fixed
from vesalius.report.verdict import Outcome, Verdict, against
from vesalius.tasks.evaluate.arms.measures import NAMES
from vesalius.tasks.evaluate.label_efficiency.curve import ArmPoint, Difference
from vesalius.tasks.evaluate.label_efficiency.options import PRETRAINED, PROBE, SCRATCH, EfficiencyOptions
from vesalius.tasks.evaluate.label_efficiency.plan import Cell
from vesalius.wording import some

FIGURE = "label_efficiency.png"
_ARMS = {SCRATCH: "from scratch", PRETRAINED: "pretrained", PROBE: "linear probe"}
_COLUMNS = ("percent", "patients", "cases", "arm", "seed")
_SAYS: dict[Outcome, str] = {
    "good": "it helps",
    "neutral": "no difference is shown",
    "bad": "it does harm",
}
_DEFINITIONS = {
    "Share": "Percent of the training patients, drawn once for each seed in proportion to the labels; a smaller share "
    "lies within each larger one. No label of another training patient is used: the last weights are measured, none "
    "are chosen by validation.",
    "From scratch": "All weights are fresh.",
    "Pretrained": "The encoder starts with the weights of init_from and is trained on.",
    "Linear probe": "The encoder keeps the weights of init_from; only the head is trained.",
    "View only, ...": "Logistic regression on the facts named, fitted on the patients of the same share: what is known "
    "without looking at the picture.",
    "Interval": "95 % percentile bootstrap over the patients that are measured, of the mean over the seeds; all arms "
    f"and shares share the draws, so differences are paired. None below {MIN_PATIENTS} patients. It holds for these "
    "models: what other seeds and other training patients would give shows in the spread of the seeds.",
    "SD": "Standard deviation over the seeds, each with other training patients (but for 100 %) and other draws of the "
    "training.",
    "Folds": "With --on folds, each case is measured by models that did not see its patient. The measure is taken "
    "within each fold and averaged: scores of different models are never ranked together.",
}


@dataclass(frozen=True)
class Comparison:
    """Everything that the page shows.

    Args:
        options: of the run.
        cells: that were trained.
        points: each share and arm.
        differences: from the first arm.
        drawn: patients that are measured.
        samples: pictures, slices or studies that are measured.
        left_out: draw -> why it was not trained.
        failures: cell -> why it failed.
    """

    options: EfficiencyOptions
    cells: Sequence[Cell]
    points: Sequence[ArmPoint]
    differences: Sequence[Difference]
    drawn: Drawn
    samples: int
    left_out: Mapping[str, str]
    failures: Mapping[str, str]

    @property
    def patients(self) -> dict[float, float]:
        """Share -> mean number of training patients over seeds and folds."""
        counts: dict[float, list[int]] = {}
        for cell in self.cells:
            counts.setdefault(cell.percent, []).append(cell.patients)
        return {percent: sum(several) / len(several) for percent, several in counts.items()}


def result_of(measured: Comparison) -> Result:
    """Return the report."""
    options, name = measured.options, NAMES[measured.options.measure]
    result = Result(
        results=_numbers(measured),
        rows=_rows(measured),
        columns=(*_COLUMNS, options.measure),
        failures=dict(measured.failures),
    )
    result.verdict = verdict(measured)
    section = result.section("Label efficiency")
    where = "test split" if options.on == "test" else "folds, each by models that did not see it"
    length = "as many steps as all patients would take" if options.budget == "steps" else "the same epochs"
    section.text(
        f"{name} on {measured.samples} samples of {measured.drawn.words} ({where}). "
        f"Seeds: {len(options.seeds)}. Each share trains for {length}."
    )
    result.figures[FIGURE] = _figure(measured)
    section.figure(
        FIGURE,
        "Lines: mean over the seeds. Dots: each seed. Bands or bars: 95 % interval of the mean over the patients "
        "that are measured.",
        f"{name} of each arm against the number of training patients",
    )
    shown = table(measured)
    section.table(shown.columns, shown.rows, shown.caption)
    for note in notes(measured):
        section.text(note, tone="warning")
    result.section("Definitions").definitions(_DEFINITIONS)
    return result


def verdict(measured: Comparison) -> Verdict:
    """Return what pre-training adds at the smallest share, in one line."""
    name, of = NAMES[measured.options.measure], measured.drawn.words
    known = [one for one in measured.differences if math.isfinite(one.value)]
    wanted = [one for one in known if one.arm == PRETRAINED] or known
    if not wanted:
        points = [point for point in measured.points if math.isfinite(point.value)]
        if not points:
            return Verdict(words="Nothing could be measured", outcome="bad")
        best = max(points, key=lambda point: point.value)
        arm = _ARMS.get(best.arm, best.arm)
        return Verdict(
            words=f"{arm[0].upper()}{arm[1:]}, {best.percent:g} % of the patients: {name} {best.value:.3f} on {of}"
        )
    least = min(wanted, key=lambda one: one.percent)
    interval = None if least.interval is None else (least.interval.low, least.interval.high)
    outcome = against(least.value, interval, 0.0)
    ends = f" (95 % interval {interval[0]:+.3f} to {interval[1]:+.3f})" if interval else ""
    arm, minus = _ARMS.get(least.arm, least.arm), _ARMS.get(least.minus, least.minus)
    words = f"With {least.percent:g} % of the training patients, {arm} minus {minus}: {name} {least.value:+.3f}{ends}"
    return Verdict(words=f"{words} on {of}; {_SAYS[outcome]}", outcome=outcome)


def table(measured: Comparison) -> ReportTable:
    """Return the table of shares and arms."""
    name = NAMES[measured.options.measure]
    difference_of = {(one.percent, one.arm): one for one in measured.differences}
    patients = measured.patients
    minus = _ARMS[measured.options.arms[0]]
    rows = []
    for point in measured.points:
        difference = difference_of.get((point.percent, point.arm))
        gain = [NOTHING, NOTHING] if difference is None else [f"{difference.value:+.3f}", _ends(difference.interval)]
        rows.append(
            [
                f"{point.percent:g} %",
                f"{patients[point.percent]:.0f}",
                _ARMS.get(point.arm, point.arm),
                fixed(point.value, 3),
                _ends(point.interval),
                fixed(point.spread, 3),
                *gain,
            ]
        )
    names = ("share", "patients", "", name, "95 % interval", "SD", f"minus {minus}", "95 % interval")
    columns = [Column(name=name, numeric=at not in (0, 2)) for at, name in enumerate(names)]
    return ReportTable(columns=columns, rows=rows, caption=f"Intervals {measured.drawn.by}.")


def notes(measured: Comparison) -> list[str]:
    """Return caveats: what was left out or failed."""
    by_reason: dict[str, list[str]] = {}
    for draw, reason in measured.left_out.items():
        by_reason.setdefault(reason, []).append(draw)
    lines = [f"Left out, {some(draws)}: {reason}." for reason, draws in by_reason.items()]
    if measured.failures:
        count = len(measured.failures)
        cells = f"{count} {'cell' if count == 1 else 'cells'} failed"
        lines.append(f"{cells}; a seed counts for an arm only where all its folds are there.")
    return lines


def _figure(measured: Comparison) -> bytes:
    patients = measured.patients
    bands = []
    for arm in dict.fromkeys(point.arm for point in measured.points):
        points = [point for point in measured.points if point.arm == arm and math.isfinite(point.value)]
        if points:
            bands.append(
                Band(
                    _ARMS.get(arm, arm),
                    [patients[point.percent] for point in points],
                    [point.value for point in points],
                    [None if point.interval is None else (point.interval.low, point.interval.high) for point in points],
                    [list(point.seeds.values()) for point in points],
                )
            )
    ticks = {count: f"{count:.0f}\n{percent:g} %" for percent, count in sorted(patients.items())}
    return banded(bands, "training patients (log scale)", NAMES[measured.options.measure], ticks)


def _numbers(measured: Comparison) -> dict[str, Any]:
    options, drawn, patients = measured.options, measured.drawn, measured.patients
    return {
        "measure": options.measure,
        "on": options.on,
        "budget": options.budget,
        "seeds": list(options.seeds),
        "cells": len(measured.cells),
        "samples": measured.samples,
        "patients": drawn.patients,
        "drawn": [drawn.known, drawn.studies],
        "intervals": drawn.by,
        "points": [{"patients": patients[one.percent], **_measured(one), "sd": one.spread} for one in measured.points],
        "differences": [{**_measured(one), "minus": one.minus} for one in measured.differences],
        "left_out": dict(measured.left_out),
    }


def _measured(one: ArmPoint | Difference) -> dict[str, Any]:
    interval = None if one.interval is None else asdict(one.interval)
    seeds = {str(seed): value for seed, value in one.seeds.items()}
    return {"percent": one.percent, "arm": one.arm, "value": one.value, "interval": interval, "seeds": seeds}


def _rows(measured: Comparison) -> list[dict[str, TableCell]]:
    """A row for each share, arm and seed; patients and cases are means over the folds."""
    rows: list[dict[str, TableCell]] = []
    for point in measured.points:
        for seed, value in point.seeds.items():
            wanted = (point.percent, seed)
            cells = [cell for cell in measured.cells if (cell.percent, cell.seed) == wanted]
            rows.append(
                {
                    "percent": point.percent,
                    "patients": sum(cell.patients for cell in cells) / len(cells),
                    "cases": sum(cell.cases for cell in cells) / len(cells),
                    "arm": point.arm,
                    "seed": seed,
                    measured.options.measure: _finite(value),
                }
            )
    return rows


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _ends(interval: Interval | None) -> str:
    return NOTHING if interval is None else f"{interval.low:.3f} to {interval.high:.3f}"
