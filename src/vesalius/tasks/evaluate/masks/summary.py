"""What `evaluate masks` reports: pairs summarised by patient, tables, a chart, notes, definitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from vesalius.metrics.bootstrap import MIN_PATIENTS
from vesalius.metrics.cardiac import EDV_ML, EF_PERCENT, Beat
from vesalius.metrics.drawn import Drawn
from vesalius.metrics.masks import PIECE_SHARE, Measured
from vesalius.metrics.spread import Spread
from vesalius.report.chart import dots
from vesalius.report.masks import (
    ALL,
    COLUMNS,
    QUANTITIES,
    ClassSummary,
    PumpSummary,
    by_reason,
    class_summaries,
    csv_rows,
    lowest_table,
    mean_of_classes,
    overlap_tables,
    pump_summary,
    pumping_tables,
)
from vesalius.report.page import ReportTable
from vesalius.report.result import Result
from vesalius.report.verdict import Verdict, with_interval
from vesalius.tasks.evaluate.masks.measure import PairResult
from vesalius.wording import some

_CHART = "dice.png"
DEFINITIONS = {
    "Dice": "2 |A and B| / (|A| + |B|) of the voxels of a class. 0 where one of the masks lacks the class; a class "
    "that both lack is left out.",
    "HD95": "95 % Hausdorff distance: each surface voxel of one mask has a distance to the nearest surface voxel of "
    "the other, in mm between voxel centres; the 95th percentile of either direction, the larger of the two. None "
    "where one of the masks lacks the class: such a miss shows in Dice and in the number of patients behind the mean.",
    "Average distance": "Mean of the same distances over the surface voxels of both masks.",
    "Volume difference": "Predicted minus reference, voxels of the class times the volume of a voxel.",
    "Patient": "Values are averaged over the masks and frames of a patient first, then over patients. The manifest "
    "names the patients; without one, files called NAME_ED, NAME_ES, NAME_frameXX, NAME_4d are of one patient, and any "
    "other file is a separate patient. Patients are shown under the name of their first case.",
    "Interval": f"In brackets from {MIN_PATIENTS} patients on: 95 % percentile bootstrap over patients, or over "
    "studies where no patient is known: the table says which. With fewer, each patient's values are listed. (7 of 9): "
    "so many patients have a value.",
    ALL: "Each patient's mean over the classes that it has a value for, then over patients.",
    "EDV, ESV, SV, EF": "Volume of the LV cavity at end-diastole and end-systole, EDV - ESV, 100 SV / EDV. The "
    "moments are the masks called ED and ES. Else they are the ends of the reference's volume curve, smoothed by two "
    "harmonics where a whole beat of eight frames or more has masks (both sides are then read off their smoothed "
    "curves), as the extremes of noisy volumes make EF too large; of fewer masks the largest and the smallest. Both "
    "sides are measured at the same moments.",
    "Implausible": f"EDV outside {EDV_ML[0]:.0f} to {EDV_ML[1]:.0f} mL, EF outside {EF_PERCENT[0]:.0f} to "
    f"{EF_PERCENT[1]:.0f} %, a cavity of several pieces with {100 * PIECE_SHARE:.0f} % of its voxels or more each.",
    "Grid": "Masks are compared voxel by voxel, so both must have the same shape and the same place in the world; "
    "nothing is resampled.",
}


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
        of = f"{self.words}, {self.pairs} mask{'' if self.pairs == 1 else 's'}"
        return overlap_tables(self.classes, of, self.intervals) if self.classes else []

    @property
    def pumping_tables(self) -> list[ReportTable]:
        """The same of the left ventricle; none without a beat."""
        unit = "case" if self.drawn[1] else "patient"
        return pumping_tables(self.pumping, unit, self.intervals, self.ef_from.values()) if self.pumping else []


def summarise(results: Sequence[PairResult], beats: Sequence[Beat], without: Mapping[str, str]) -> MaskSummary:
    """Aggregate pairs by patient, then over patients; `without` is case -> why its cine gave no beat."""
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


def result_of(
    summary: MaskSummary, rows: Sequence[Measured], patients: Mapping[str, str], failures: Mapping[str, str]
) -> Result:
    """Everything that the report shows; `patients` is id -> display name, `failures` mask -> why it failed."""
    result = Result(results=asdict(summary), rows=csv_rows(rows, patients), columns=COLUMNS, failures=dict(failures))
    result.verdict = verdict(summary)
    section = result.section("Overlap and distance")
    if summary.classes:
        result.figures[_CHART] = _chart(summary)
        words = "Dice of each patient (dots) and their mean (line) by class."
        section.figure(_CHART, words, words)
    for table in summary.overlap_tables:
        section.table(table.columns, table.rows, table.caption)
    if not summary.classes:
        section.text("No mask holds any of the classes.", tone="warning")
    if summary.pumping:
        heart = result.section("Left ventricle")
        for warning, cases in summary.warnings.items():
            heart.text(f"{some(cases)}: {warning}.", tone="warning")
        for table in summary.pumping_tables:
            heart.table(table.columns, table.rows, table.caption)
    if rows:
        lowest = lowest_table(rows)
        result.section("Lowest").table(lowest.columns, lowest.rows, lowest.caption)
    if summary.notes:
        notes = result.section("Notes")
        for note, cases in summary.notes.items():
            notes.text(f"{some(cases)}: {note}.", tone="note")
    result.section("Definitions").definitions(DEFINITIONS)
    return result


def verdict(summary: MaskSummary) -> Verdict:
    """Return the overlap, and the error of EF where there is one, in one line."""
    if not summary.classes:
        return Verdict(words="No mask holds any of the classes", outcome="bad")
    mean = summary.classes[-1]  # of the classes, where there are several
    of = f"{summary.words}, {summary.pairs} mask{'' if summary.pairs == 1 else 's'}"
    words = f"Dice {mean.name} {with_interval(mean.dice.mean, _ends(mean.dice))} on {of}"
    for row in summary.pumping:
        if row.quantity == "ef_percent" and row.absolute.mean is not None:
            error = with_interval(row.absolute.mean, _ends(row.absolute), 1, " points")
            words += f"; EF is off by {error} in the mean"
    return Verdict(words=words)


def _ends(spread: Spread) -> tuple[float, float] | None:
    return None if spread.low is None or spread.high is None else (spread.low, spread.high)


def _chart(summary: MaskSummary) -> bytes:
    """Dice of each patient by class, as PNG."""
    groups = {
        each.name: [value for value in each.dice.values.values() if value is not None]
        for each in summary.classes
        if each.label is not None
    }
    return dots(groups, "Dice", (0.0, 1.0))
