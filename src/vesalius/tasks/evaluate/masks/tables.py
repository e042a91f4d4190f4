"""The summary as tables, for the page and for the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from vesalius.metrics.bootstrap import MIN_PATIENTS
from vesalius.metrics.drawn import Drawn
from vesalius.report.page import Column, ReportTable
from vesalius.report.table import Cell, fixed
from vesalius.tasks.evaluate.masks.measure import Measured
from vesalius.tasks.evaluate.masks.summary import MEASURES, QUANTITIES, Summary, class_name
from vesalius.tasks.evaluate.spread import Spread

COLUMNS = (
    "case", "patient_case", "mask", "frame", "label", "class",
    "dice", "hd95_mm", "average_mm", "predicted_ml", "reference_ml", "difference_ml",
)  # fmt: skip
"""Header of `table.csv`; patient_case is the first case of the patient, frames count from 0."""
_DECIMALS = {"dice": 3}
_LOWEST = 10


def overlap_table(summary: Summary) -> ReportTable:
    """The measures of each class, mean over patients."""
    rows = [
        [one.name, *(_mean(getattr(one, key), _DECIMALS.get(key, 2)) for key, _ in MEASURES)] for one in summary.classes
    ]
    columns = [Column(name="Class"), *(Column(name=words, numeric=True) for _, words in MEASURES)]
    return ReportTable(
        columns=columns, rows=rows, caption=f"Mean of {_patients(summary)}; intervals {summary.intervals}"
    )


def pumping_table(summary: Summary) -> ReportTable:
    """EDV, ESV, SV and EF of both, and how they differ."""
    words = dict(QUANTITIES)
    columns = ["reference", "predicted", "difference", "absolute difference"]
    rows = [
        [
            words[one.quantity],
            *(_mean(spread, 1) for spread in (one.reference, one.predicted, one.difference, one.absolute)),
        ]
        for one in summary.pumping
    ]
    count = len(summary.pumping[0].reference.values) if summary.pumping else 0
    unit = "patient" if summary.drawn[1] == 0 else "case"
    caption = f"Left ventricle, mean of {count} {unit}{'' if count == 1 else 's'}; intervals {summary.intervals}"
    sources = dict.fromkeys(summary.ef_from.values())
    caption += f"; ED and ES by {' or '.join(sources)}" if sources else ""
    return ReportTable(
        columns=[Column(name=""), *(Column(name=name, numeric=True) for name in columns)], rows=rows, caption=caption
    )


def patient_table(summary: Summary) -> ReportTable | None:
    """Each patient's values where they are too few for an interval; else None."""
    if len(summary.patients) >= MIN_PATIENTS or not summary.classes:
        return None
    columns = [Column(name="Patient (first case)"), Column(name="Class")]
    columns += [Column(name=words, numeric=True) for _, words in MEASURES]
    rows = [
        [who, one.name, *(_shown(getattr(one, key).values.get(who), _DECIMALS.get(key, 2)) for key, _ in MEASURES)]
        for who in summary.patients
        for one in summary.classes
    ]
    return ReportTable(columns=columns, rows=rows, caption="Each patient")


def pumping_patient_table(summary: Summary) -> ReportTable | None:
    """Each patient's EDV, ESV and EF where they are too few for an interval; else None."""
    if not summary.pumping or len(summary.pumping[0].reference.values) >= MIN_PATIENTS:
        return None
    words = dict(QUANTITIES)
    columns = [Column(name="Patient (first case)"), Column(name="")]
    columns += [Column(name=name, numeric=True) for name in ("reference", "predicted", "difference")]
    rows = [
        [
            who,
            words[one.quantity],
            *(_shown(spread.values[who], 1) for spread in (one.reference, one.predicted, one.difference)),
        ]
        for who in summary.pumping[0].reference.values
        for one in summary.pumping
    ]
    return ReportTable(columns=columns, rows=rows, caption="Left ventricle, each patient")


def lowest_table(rows: Sequence[Measured], classes: Mapping[int, str]) -> ReportTable:
    """The frames with the smallest overlap: where to look first."""
    worst = sorted(rows, key=lambda row: row.dice)[:_LOWEST]
    columns = [Column(name="Case"), Column(name="Mask"), Column(name="Frame", numeric=True), Column(name="Class")]
    columns += [Column(name=name, numeric=True) for name in ("Dice", "HD95 (mm)", "predicted (mL)", "reference (mL)")]
    cells = [
        [row.case, row.mask, "-" if row.frame is None else str(row.frame), class_name(row, classes),
         _shown(row.dice, 3), *(_shown(value, 2) for value in (row.hd95_mm, row.predicted_ml, row.reference_ml))]
        for row in worst
    ]  # fmt: skip
    return ReportTable(columns=columns, rows=cells, caption="The lowest overlaps: look at these first")


def csv_rows(rows: Sequence[Measured], told: Mapping[str, str], classes: Mapping[int, str]) -> list[dict[str, Cell]]:
    """Rows of `table.csv`; what is not known is an empty cell."""
    return [
        {
            "case": row.case,
            "patient_case": told[row.patient],
            "mask": row.mask,
            "frame": row.frame,
            "label": row.label,
            "class": class_name(row, classes),
            "dice": _known(row.dice),
            "hd95_mm": _known(row.hd95_mm),
            "average_mm": _known(row.average_mm),
            "predicted_ml": _known(row.predicted_ml),
            "reference_ml": _known(row.reference_ml),
            "difference_ml": _known(row.predicted_ml - row.reference_ml),
        }
        for row in rows
    ]


def _shown(value: float | None, decimals: int) -> str:
    """A number for reading, never "-0.00"."""
    return fixed(None if value is None else round(value, decimals) + 0.0, decimals)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _patients(summary: Summary) -> str:
    return f"{Drawn(*summary.drawn).words}, {summary.pairs} mask{'' if summary.pairs == 1 else 's'}"


def _mean(value: Spread, decimals: int) -> str:
    shown = _shown(value.mean, decimals)
    if value.low is not None:
        shown += f" [{_shown(value.low, decimals)}, {_shown(value.high, decimals)}]"
    if value.mean is None or value.present == len(value.values):
        return shown
    return f"{shown} ({value.present} of {len(value.values)})"
