"""Measured masks from rows to patients: summaries with intervals, and the tables that show them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from vesalius.metrics.bootstrap import MIN_PATIENTS
from vesalius.metrics.cardiac import Beat
from vesalius.metrics.masks import Measured, per_patient
from vesalius.metrics.spread import SEED, Spread, finite_mean
from vesalius.report.page import Column, ReportTable
from vesalius.report.table import Cell, fixed

ALL = "mean of classes"
Measure = Literal["dice", "hd95_mm", "average_mm", "volume_ml"]
MEASURES: dict[Measure, str] = {
    "dice": "Dice",
    "hd95_mm": "HD95 (mm)",
    "average_mm": "average distance (mm)",
    "volume_ml": "volume difference (mL)",
}
Quantity = Literal["edv_ml", "esv_ml", "sv_ml", "ef_percent"]
QUANTITIES: dict[Quantity, str] = {
    "edv_ml": "EDV (mL)",
    "esv_ml": "ESV (mL)",
    "sv_ml": "SV (mL)",
    "ef_percent": "EF (%)",
}
COLUMNS = (
    "case", "patient_case", "mask", "frame", "label", "class",
    "dice", "hd95_mm", "average_mm", "predicted_ml", "reference_ml", "difference_ml",
)  # fmt: skip
"""Header of `table.csv`; patient_case is the first case of the patient, frames count from 0."""
_LOWEST = 10
_SIDES = {
    "reference": "reference",
    "predicted": "predicted",
    "difference": "difference",
    "absolute": "absolute difference",
}


@dataclass(frozen=True)
class ClassSummary:
    """One class over patients.

    Args:
        name: of the class; ALL for the mean of each patient's classes.
        label: None for ALL.
        dice: overlap.
        hd95_mm: 95 % Hausdorff distance.
        average_mm: average surface distance.
        volume_ml: predicted minus reference volume.
    """

    name: str
    label: int | None
    dice: Spread
    hd95_mm: Spread
    average_mm: Spread
    volume_ml: Spread


@dataclass(frozen=True)
class PumpSummary:
    """One quantity of the left ventricle over patients.

    Args:
        quantity: which.
        reference: from the reference masks.
        predicted: from the predicted masks.
        difference: predicted minus reference.
        absolute: without its sign.
    """

    quantity: Quantity
    reference: Spread
    predicted: Spread
    difference: Spread
    absolute: Spread


def class_summaries(rows: Sequence[Measured], patients: Mapping[str, str], seed: int = SEED) -> list[ClassSummary]:
    """Each class, in the order of the rows: averaged within patients first.

    Args:
        rows: of all masks.
        patients: patient id -> display name.
        seed: of the bootstrap.
    """
    by_name: dict[str, list[Measured]] = {}
    for row in rows:
        by_name.setdefault(row.name, []).append(row)
    return [
        ClassSummary(
            name, group[0].label, **{key: Spread.of(per_patient(group, patients, key), seed) for key in MEASURES}
        )
        for name, group in by_name.items()
    ]


def mean_of_classes(classes: Sequence[ClassSummary]) -> ClassSummary:
    """Each patient's mean over the classes that it has a value for, then over patients."""

    def spread(measure: Measure) -> Spread:
        each = [getattr(summary, measure).values for summary in classes]
        means = {who: finite_mean(values[who] for values in each if values[who] is not None) for who in each[0]}
        return Spread.of(means)

    return ClassSummary(ALL, None, **{key: spread(key) for key in MEASURES})


def pump_summary(beats: Sequence[Beat], quantity: Quantity, patients: Mapping[str, str]) -> PumpSummary:
    """A quantity of the cines' left ventricles, averaged within patients first."""

    def spread(read: Callable[[float, float], float]) -> Spread:
        values: dict[str, list[float]] = {patients[beat.patient]: [] for beat in beats}
        for beat in beats:
            number = read(getattr(beat.predicted, quantity), getattr(beat.reference, quantity))
            values[patients[beat.patient]].append(float(number))
        return Spread.of({name: finite_mean(numbers) for name, numbers in values.items()})

    return PumpSummary(
        quantity=quantity,
        reference=spread(lambda _, reference: reference),
        predicted=spread(lambda predicted, _: predicted),
        difference=spread(lambda predicted, reference: predicted - reference),
        absolute=spread(lambda predicted, reference: abs(predicted - reference)),
    )


def by_reason(reasons: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Pairs (reason, case) grouped: reason -> its cases, each once."""
    groups: dict[str, dict[str, None]] = {}
    for reason, case in reasons:
        groups.setdefault(reason, {})[case] = None
    return {reason: tuple(cases) for reason, cases in groups.items()}


def overlap_tables(classes: Sequence[ClassSummary], of: str, intervals: str) -> list[ReportTable]:
    """The measures of each class: means over patients, and each patient where they are few.

    A measure that no class has (of pictures, whose pixels have no size) is no column.

    Args:
        classes: the rows.
        of: of what the means are, for the caption.
        intervals: what the bootstrap draws; named where there are intervals.
    """
    known = {key: words for key, words in MEASURES.items() if key == "dice" or _is_known(classes, key)}
    rows = {row.name: [(getattr(row, key), 3 if key == "dice" else 2) for key in known] for row in classes}
    means = _mean_table("Class", list(known.values()), rows, f"Mean of {of}", intervals)
    return [means, *_patient_tables("Class", list(known.values()), rows, "Each patient")]


def pumping_tables(
    pumping: Sequence[PumpSummary], unit: str, intervals: str, sources: Iterable[str]
) -> list[ReportTable]:
    """EDV, ESV, SV and EF of both sides and their difference: means over patients, and each patient where they are few.

    Args:
        pumping: the rows.
        unit: "patient" or "case".
        intervals: as in `overlap_tables`.
        sources: how end-diastole and end-systole are known.
    """
    rows = {QUANTITIES[row.quantity]: [(getattr(row, key), 1) for key in _SIDES] for row in pumping}
    count = len(pumping[0].reference.values)
    caption = f"Left ventricle, mean of {count} {unit}{'' if count == 1 else 's'}"
    means = _mean_table("", list(_SIDES.values()), rows, caption, intervals)
    means.caption += f"; ED and ES by {' or '.join(dict.fromkeys(sources))}"
    signed = {name: cells[:-1] for name, cells in rows.items()}
    return [means, *_patient_tables("", list(_SIDES.values())[:-1], signed, "Left ventricle, each patient")]


def lowest_table(rows: Sequence[Measured]) -> ReportTable:
    """The frames with the smallest overlap: where to look first."""
    columns = [Column(name="Case"), Column(name="Mask"), Column(name="Frame", numeric=True), Column(name="Class")]
    columns += [Column(name=name, numeric=True) for name in ("Dice", "HD95 (mm)", "predicted (mL)", "reference (mL)")]
    cells = [
        [row.case, row.mask, "-" if row.frame is None else str(row.frame), row.name,
         shown(row.dice, 3), *(shown(value, 2) for value in (row.hd95_mm, row.predicted_ml, row.reference_ml))]
        for row in sorted(rows, key=lambda row: row.dice)[:_LOWEST]
    ]  # fmt: skip
    return ReportTable(columns=columns, rows=cells, caption="The lowest overlaps: look at these first")


def csv_rows(rows: Sequence[Measured], patients: Mapping[str, str]) -> list[dict[str, Cell]]:
    """Rows of `table.csv`; an unknown value is an empty cell."""
    numbers = ("dice", "hd95_mm", "average_mm", "predicted_ml", "reference_ml", "volume_ml")
    return [
        dict(zip(COLUMNS, (row.case, patients[row.patient], row.mask, row.frame, row.label, row.name,
                           *(_known(getattr(row, number)) for number in numbers)), strict=True))
        for row in rows
    ]  # fmt: skip


_Rows = Mapping[str, Sequence[tuple[Spread, int]]]
"""Name -> spreads, each with its decimals."""


def _mean_table(head: str, names: Sequence[str], rows: _Rows, caption: str, intervals: str) -> ReportTable:
    columns = [Column(name=head), *(Column(name=name, numeric=True) for name in names)]
    cells = [[name, *(shown_mean(*cell) for cell in each)] for name, each in rows.items()]
    words = interval_words((spread for each in rows.values() for spread, _ in each), intervals)
    return ReportTable(columns=columns, rows=cells, caption=caption + words)


def _patient_tables(head: str, names: Sequence[str], rows: _Rows, caption: str) -> list[ReportTable]:
    """Each patient's values where they are too few for an interval."""
    patients = next(iter(rows.values()))[0][0].values
    if len(patients) >= MIN_PATIENTS:
        return []
    columns = [Column(name="Patient (first case)"), Column(name=head)]
    columns += [Column(name=name, numeric=True) for name in names]
    cells = [
        [who, name, *(shown(spread.values[who], decimals) for spread, decimals in each)]
        for who in patients
        for name, each in rows.items()
    ]
    return [ReportTable(columns=columns, rows=cells, caption=caption)]


def shown(value: float | None, decimals: int) -> str:
    """A number for reading, never "-0.00"."""
    return fixed(None if value is None else round(value, decimals) + 0.0, decimals)


def shown_mean(value: Spread, decimals: int) -> str:
    """A mean with its interval, and the number of patients where some have no value."""
    text = shown(value.mean, decimals)
    if value.low is not None:
        text += f" [{shown(value.low, decimals)}, {shown(value.high, decimals)}]"
    if value.mean is None or value.present == len(value.values):
        return text
    return f"{text} ({value.present} of {len(value.values)})"


def interval_words(spreads: Iterable[Spread], intervals: str) -> str:
    """What a caption says about intervals: nothing where none is shown.

    Example:
        >>> interval_words([Spread({"a": 0.9}, 0.9, None, None)], "by patient")
        ''
    """
    return f"; intervals {intervals}" if any(spread.low is not None for spread in spreads) else ""


def _is_known(classes: Sequence[ClassSummary], measure: Measure) -> bool:
    return any(getattr(row, measure).mean is not None for row in classes)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
