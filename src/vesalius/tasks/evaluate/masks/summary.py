"""What `evaluate masks` found, from pairs to patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vesalius.metrics.cardiac import Beat
from vesalius.metrics.drawn import Drawn
from vesalius.report.masks import (
    QUANTITIES,
    ClassSummary,
    PumpSummary,
    by_reason,
    class_summaries,
    mean_of_classes,
    overlap_table,
    patient_table,
    pump_summary,
    pumping_patient_table,
    pumping_table,
)
from vesalius.report.page import ReportTable
from vesalius.tasks.evaluate.masks.measure import PairResult


@dataclass(frozen=True)
class MaskSummary:
    """The whole evaluation.

    Args:
        patients: by their first case.
        drawn: number of known patients, and of cases that stand for one.
        intervals: what the bootstrap draws, in words.
        pairs: masks compared.
        classes: in rising order; the mean of classes last, where there are several.
        pumping: empty where no cine has masks of end-diastole and end-systole, or the label of the LV is unknown.
        notes: caveat -> the cases concerned.
        ef_from: case -> how its end-diastole and end-systole are known.
        warnings: what is implausible -> the cases concerned.
    """

    patients: tuple[str, ...]
    drawn: tuple[int, int]
    intervals: str
    pairs: int
    classes: tuple[ClassSummary, ...]
    pumping: tuple[PumpSummary, ...]
    notes: dict[str, tuple[str, ...]]
    ef_from: dict[str, str]
    warnings: dict[str, tuple[str, ...]]

    @property
    def words(self) -> str:
        """Number of patients."""
        return Drawn(*self.drawn).words

    @property
    def overlap_tables(self) -> list[ReportTable]:
        """Means of the classes, and each patient where they are few; none where no mask holds a class."""
        if not self.classes:
            return []
        of = f"{self.words}, {self.pairs} mask{'' if self.pairs == 1 else 's'}"
        tables = [overlap_table(self.classes, of, self.intervals), patient_table(self.classes)]
        return [table for table in tables if table is not None]

    @property
    def pumping_tables(self) -> list[ReportTable]:
        """The same of the left ventricle; none without a beat."""
        if not self.pumping:
            return []
        unit = "case" if self.drawn[1] else "patient"
        whole = pumping_table(self.pumping, unit, self.intervals, self.ef_from.values())
        tables = [whole, pumping_patient_table(self.pumping)]
        return [table for table in tables if table is not None]


def summarise(results: Sequence[PairResult], beats: Sequence[Beat], without: Mapping[str, str]) -> MaskSummary:
    """Aggregate pairs by patient, then over patients.

    Args:
        results: measured pairs.
        beats: of the cines.
        without: case -> why its cine gave no beat.
    """
    patients = patient_names(results)
    rows = sorted((row for result in results for row in result.rows), key=lambda row: (row.structure, row.label))
    classes = class_summaries(rows, patients)
    if len(classes) > 1:
        classes.append(mean_of_classes(classes))
    drawn = Drawn.of((result.pair.reference.patient, result.pair.reference.is_patient) for result in results)
    notes = [(note, result.pair.reference.title) for result in results for note in result.notes]
    notes += [(f"no ejection fraction: {why}", case) for case, why in without.items()]
    return MaskSummary(
        patients=tuple(patients.values()),
        drawn=(drawn.known, drawn.studies),
        intervals=drawn.by,
        pairs=len(results),
        classes=tuple(classes),
        pumping=tuple(pump_summary(beats, quantity, patients) for quantity in QUANTITIES if beats),
        notes=by_reason(notes),
        ef_from={beat.case: beat.reference.ef_from for beat in beats},
        warnings=by_reason((doubt, beat.case) for beat in beats for doubt in beat.doubts),
    )


def patient_names(results: Sequence[PairResult]) -> dict[str, str]:
    """Patient id -> display name: its first case, with a number where two patients share that name."""
    names: dict[str, str] = {}
    for result in results:
        mask = result.pair.reference
        if mask.patient not in names:
            taken = sum(name == mask.case or name.startswith(f"{mask.case} (") for name in names.values())
            names[mask.patient] = f"{mask.case} ({taken + 1})" if taken else mask.case
    return names
