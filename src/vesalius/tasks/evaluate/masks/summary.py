"""Figures per patient, then over patients."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from vesalius.tasks.evaluate.masks.measure import Measured, PairResult
from vesalius.tasks.evaluate.masks.pump import Beat
from vesalius.tasks.evaluate.spread import Spread

ALL = "mean of classes"
MEASURES: tuple[tuple[str, str], ...] = (
    ("dice", "Dice"),
    ("hd95_mm", "HD95 (mm)"),
    ("average_mm", "average distance (mm)"),
    ("volume_ml", "volume difference (mL)"),
)
"""key -> words."""
Quantity = Literal["edv_ml", "esv_ml", "sv_ml", "ef_percent"]
QUANTITIES: tuple[tuple[Quantity, str], ...] = (
    ("edv_ml", "EDV (mL)"),
    ("esv_ml", "ESV (mL)"),
    ("sv_ml", "SV (mL)"),
    ("ef_percent", "EF (%)"),
)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClassSummary(_Model):
    """One class.

    Args:
        name: of the class, with the structure before it where masks show several; ALL for the mean of each patient's
            classes.
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


class PumpSummary(_Model):
    """One quantity of the left ventricle.

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


class Summary(_Model):
    """The whole evaluation.

    Args:
        patients: by their first case.
        pairs: masks compared.
        classes: in rising order; ALL last, where there are several.
        pumping: empty where no cine has masks of end-diastole and end-systole, or nobody said which label is the LV.
        notes: what a careful reader should know -> the cases concerned.
        ef_from: case -> how its end-diastole and end-systole are known.
        warnings: what cannot be of a heart -> the cases concerned.
    """

    patients: tuple[str, ...]
    pairs: int
    classes: tuple[ClassSummary, ...]
    pumping: tuple[PumpSummary, ...]
    notes: dict[str, tuple[str, ...]]
    ef_from: dict[str, str] = {}
    warnings: dict[str, tuple[str, ...]] = {}


def summarise(
    results: Sequence[PairResult], found: Sequence[Beat], without: Mapping[str, str], classes: Mapping[int, str]
) -> Summary:
    """Aggregate pairs by patient, then over patients.

    Args:
        results: measured pairs.
        found: beats of the cines.
        without: case -> why its cine gave no beat.
        classes: label -> name; a label without a name is called by its number.
    """
    told = told_names(results)
    notes: dict[str, list[str]] = {}
    for one in results:
        for note in one.notes:
            notes.setdefault(note, []).append(one.pair.reference.title)
    for case, why in without.items():
        notes.setdefault(f"no ejection fraction: {why}", []).append(case)
    warnings: dict[str, list[str]] = {}
    for beat in found:
        for doubt in beat.doubts:
            warnings.setdefault(doubt, []).append(beat.case)
    rows = [row for one in results for row in one.rows]
    keys = sorted({(row.structure, row.label) for row in rows})
    each = [_class(rows, key, told, classes) for key in keys]
    if len(each) > 1:
        each.append(_all(rows, told))
    return Summary(
        patients=tuple(told.values()),
        pairs=len(results),
        classes=tuple(each),
        pumping=tuple(_pump(found, quantity, told) for quantity, _ in QUANTITIES if found),
        notes={note: tuple(cases) for note, cases in notes.items()},
        ef_from={beat.case: beat.reference.ef_from for beat in found},
        warnings={doubt: tuple(cases) for doubt, cases in warnings.items()},
    )


def told_names(results: Sequence[PairResult]) -> dict[str, str]:
    """Patient -> what it is told by: its first case, with a number where two patients share that name."""
    told: dict[str, str] = {}
    for one in results:
        mask = one.pair.reference
        if mask.patient not in told:
            taken = sum(name == mask.case or name.startswith(f"{mask.case} (") for name in told.values())
            told[mask.patient] = f"{mask.case} ({taken + 1})" if taken else mask.case
    return told


def class_name(row: Measured, classes: Mapping[int, str]) -> str:
    """The name of a class as it is told."""
    name = classes.get(row.label, str(row.label))
    return f"{row.structure} {name}" if row.structure else name


def _value(row: Measured, measure: str) -> float:
    return row.predicted_ml - row.reference_ml if measure == "volume_ml" else float(getattr(row, measure))


def _class(
    rows: Sequence[Measured], key: tuple[str, int], told: Mapping[str, str], classes: Mapping[int, str]
) -> ClassSummary:
    own = [row for row in rows if (row.structure, row.label) == key]
    spreads = {name: Spread.of(_per_patient(own, told, name)) for name, _ in MEASURES}
    return ClassSummary(name=class_name(own[0], classes), label=key[1], **spreads)


def _all(rows: Sequence[Measured], told: Mapping[str, str]) -> ClassSummary:
    """Each patient's mean over its classes."""
    keys = dict.fromkeys((row.structure, row.label) for row in rows)
    own = [[row for row in rows if (row.structure, row.label) == key] for key in keys]
    spreads = {}
    for name, _ in MEASURES:
        each = [_per_patient(one, told, name) for one in own]
        spreads[name] = Spread.of({who: _mean(one[who] for one in each) for who in told.values()})
    return ClassSummary(name=ALL, label=None, **spreads)


def _per_patient(rows: Iterable[Measured], told: Mapping[str, str], measure: str) -> dict[str, float]:
    """Mean of each patient's frames and masks, NaN where none has a value."""
    values: dict[str, list[float]] = {name: [] for name in told.values()}
    for row in rows:
        values[told[row.patient]].append(_value(row, measure))
    return {name: _mean(own) for name, own in values.items()}


def _mean(values: Iterable[float]) -> float:
    present = [value for value in values if math.isfinite(value)]
    return math.fsum(present) / len(present) if present else math.nan


def _pump(found: Sequence[Beat], quantity: Quantity, told: Mapping[str, str]) -> PumpSummary:
    def spread(read: Callable[[Beat], float]) -> Spread:
        values: dict[str, list[float]] = {told[beat.patient]: [] for beat in found}
        for beat in found:
            values[told[beat.patient]].append(read(beat))
        return Spread.of({name: _mean(own) for name, own in values.items()})

    def of(beat: Beat) -> tuple[float, float]:
        return float(getattr(beat.predicted, quantity)), float(getattr(beat.reference, quantity))

    return PumpSummary(
        quantity=quantity,
        reference=spread(lambda beat: of(beat)[1]),
        predicted=spread(lambda beat: of(beat)[0]),
        difference=spread(lambda beat: of(beat)[0] - of(beat)[1]),
        absolute=spread(lambda beat: abs(of(beat)[0] - of(beat)[1])),
    )
