"""Measured rows in numbers and in words: each patient's value, means with intervals, ejection fractions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vesalius.metrics.bootstrap import patient_interval
from vesalius.metrics.cardiac import Pumping
from vesalius.metrics.cycle import STATED
from vesalius.metrics.doubts import doubts
from vesalius.metrics.drawn import Drawn
from vesalius.report.page import Column, Section
from vesalius.report.table import fixed
from vesalius.tasks.segment.measure import Measured
from vesalius.wording import some

_PART_WORDS = {"test": "held-out test cases", "val": "validation cases (the manifest has no test split)"}


@dataclass(frozen=True)
class Function:
    """Volumes at end diastole and end systole of one study of a patient, in mL, and what follows."""

    patient: int
    found: tuple[float, float]
    truth: tuple[float, float]

    @property
    def error_points(self) -> float:
        """Of the ejection fraction; NaN where one of them is unknown, e.g. no cavity was found at end diastole."""
        return self.ef_found - self.ef_truth

    @property
    def ef_found(self) -> float:
        """Ejection fraction in percent."""
        return _ejection(*self.found)

    @property
    def ef_truth(self) -> float:
        """Of the reference."""
        return _ejection(*self.truth)

    @property
    def doubts(self) -> list[str]:
        """What cannot be, by the model or by the reference."""
        sides = {"the model": self.found, "the reference": self.truth}
        known = {side: Pumping(ed, es) for side, (ed, es) in sides.items() if ed > 0 and es >= 0}
        return [f"implausible by {side}: {kind}" for side, pumping in known.items() for kind in doubts(pumping)]


def function_rows(rows: Sequence[Measured], cavity: str | None) -> list[Function]:
    """A row for each study in which the cavity was measured at ED and ES; a patient may have several."""
    studies: dict[str, dict[str, Measured]] = {}
    for row in rows:
        if row.name == cavity:
            studies.setdefault(row.unit.removesuffix(f"/{row.map}"), {})[row.map] = row
    return [
        Function(ed.patient, (ed.found_ml, es.found_ml), (ed.truth_ml, es.truth_ml))
        for ed, es in ((maps["ED"], maps["ES"]) for maps in studies.values() if {"ED", "ES"} <= maps.keys())
    ]


def error_text(told: Mapping[str, Any]) -> str:
    """The error of the ejection fraction of a summary in words."""
    error, known, all_ = told["mean_absolute_error_points"], told["patients"], told["of_patients"]
    shown = "-" if error is None else f"{error:.1f} points"
    return shown if known == all_ else f"{shown} ({known} of {all_} patients)"


def summarized(rows: Sequence[Measured], functions: Sequence[Function], drawn: Drawn) -> dict[str, Any]:
    """Means over patients with their 95 % bootstrap intervals (from 10 patients on), JSON-able.

    Args:
        rows: what was measured.
        functions: of the cines.
        drawn: whether the patients are known, or studies stand for them.
    """
    classes = {name: _over_patients(rows, name, drawn) for name in dict.fromkeys(row.name for row in rows)}
    values = [one["dice"] for one in classes.values() if one["dice"] is not None]
    result: dict[str, Any] = {"dice": _mean_or_none(values), "intervals": drawn.by, "classes": classes}
    if functions:
        result["ejection_fraction"] = _function_errors(functions)
    return result


def sections(
    rows: Sequence[Measured], functions: Sequence[Function], part: str, figures: Sequence[str], drawn: Drawn
) -> list[Section]:
    """The same for people."""
    told = Section(title="Segmentation of held-out patients").text(
        f"{len({row.unit for row in rows})} label maps of {drawn.words}: {_PART_WORDS[part]}. Predicted and "
        "compared on the grid of the input; HD95 is the larger of the two directed 95th percentiles."
    )
    columns = [Column(name=""), *(Column(name=one, numeric=True) for one in ("Dice", "95 % interval", "HD95 mm"))]
    summary = summarized(rows, functions, drawn)["classes"]
    cells = [
        [name, fixed(one["dice"], 3), one["interval_text"], fixed(one["hd95_mm"], 2)] for name, one in summary.items()
    ]
    told.table(columns, cells, f"Means and bootstrap intervals {drawn.by}.")
    for file in figures:
        told.figure(file, "Worst, middle and best case.", "Slices with the outlines of reference and model")
    names = list(summary)
    each = Section(title="Every patient")
    by_unit: dict[tuple[int, str, str], dict[str, Measured]] = {}
    for row in rows:
        by_unit.setdefault((row.patient, row.unit, row.map), {})[row.name] = row
    columns = [Column(name="patient"), Column(name="map")]
    columns += [Column(name=f"{what} {name}", numeric=True) for what in ("Dice", "HD95 mm") for name in names]
    lines = [
        [
            str(patient),
            map_,
            *(fixed(one[name].dice if name in one else None, 3) for name in names),
            *(fixed(one[name].hd95_mm if name in one else None, 1) for name in names),
        ]
        for (patient, _, map_), one in sorted(by_unit.items())
    ]
    each.table(columns, lines)
    return [told, each, *_function_sections(functions)]


def mean(values: Sequence[float]) -> float:
    """Of the finite values; NaN where there is none."""
    finite = [value for value in values if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else math.nan


def _function_sections(functions: Sequence[Function]) -> list[Section]:
    if not functions:
        return []
    columns = [Column(name="patient")]
    words = ("EDV mL", "EDV reference", "ESV mL", "ESV reference", "EF %", "EF reference")
    columns += [Column(name=word, numeric=True) for word in words]
    lines = [
        [
            str(one.patient),
            *(fixed(value, 1) for pair in zip(one.found, one.truth, strict=True) for value in pair),
            fixed(one.ef_found, 1),
            fixed(one.ef_truth, 1),
        ]
        for one in functions
    ]
    section = Section(title="Ejection fraction")
    told = _function_errors(functions)
    section.table(columns, lines, f"Mean absolute error of the ejection fraction: {error_text(told)}.")
    for warning, patients in told["warnings"].items():
        section.text(f"Patient {some([str(one) for one in patients])}: {warning}.", "warning")
    return [section]


def _function_errors(functions: Sequence[Function]) -> dict[str, Any]:
    """Means over the patients whose error is known, each patient's studies averaged first."""
    patients = list(dict.fromkeys(one.patient for one in functions))
    errors = [[one.error_points for one in functions if one.patient == patient] for patient in patients]
    means = [mean(own) for own in errors]
    warnings: dict[str, list[int]] = {}
    for one in functions:
        for doubt in one.doubts:
            if one.patient not in warnings.setdefault(doubt, []):
                warnings[doubt].append(one.patient)
    return {
        "ef_from": STATED,
        "warnings": warnings,
        "patients": sum(math.isfinite(one) for one in means),
        "of_patients": len(patients),
        "mean_error_points": _mean_or_none(means),
        "mean_absolute_error_points": _mean_or_none([mean([abs(one) for one in own]) for own in errors]),
    }


def _over_patients(rows: Sequence[Measured], name: str, drawn: Drawn) -> dict[str, Any]:
    patients = sorted({row.patient for row in rows})
    scores = [mean([row.dice for row in rows if row.patient == one and row.name == name]) for one in patients]
    scores = [score for score in scores if math.isfinite(score)]
    distance = mean(
        [mean([row.hd95_mm for row in rows if row.patient == one and row.name == name]) for one in patients]
    )
    interval = patient_interval(scores) if scores else None
    told = f"{interval.low:.3f} to {interval.high:.3f}" if interval else "-"
    dice = _mean_or_none(scores)
    return {
        "dice": dice,
        "interval": [interval.low, interval.high] if interval else None,
        "interval_text": told,
        "patients": len(scores),
        "hd95_mm": distance if math.isfinite(distance) else None,
        "text": "-" if dice is None else f"{dice:.3f} ({_behind(len(scores), told if interval else None, drawn)})",
    }


def _behind(count: int, interval: str | None, drawn: Drawn) -> str:
    """What stands in brackets behind a mean: its interval, or of how many it is; where patients are unknown, that."""
    shown = f"{count} {'patients' if not drawn.studies else 'studies'}" if interval is None else interval
    return shown if not drawn.studies else f"{shown}, {drawn.by}"


def _mean_or_none(values: Sequence[float]) -> float | None:
    found = mean(values)
    return found if math.isfinite(found) else None


def _ejection(ed_ml: float, es_ml: float) -> float:
    return 100 * (ed_ml - es_ml) / ed_ml if ed_ml else math.nan
