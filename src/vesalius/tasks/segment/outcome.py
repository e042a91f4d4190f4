"""How good a segmenter is: each label map of a cohort is predicted on the grid of its image and compared.

Letters: I J K voxel axes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.case import MASK, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.ends import ED, ES
from vesalius.cohort.groups import groups
from vesalius.cohort.read import open_image
from vesalius.errors import VesaliusError
from vesalius.metrics.cardiac import STATED, Beat, Pumping, voxel_ml
from vesalius.metrics.drawn import Drawn
from vesalius.metrics.masks import Measured, measure_masks
from vesalius.metrics.spread import Spread, finite_mean
from vesalius.report.masks import ClassSummary, PumpSummary, by_reason, class_summaries, overlap_tables, pump_summary
from vesalius.report.overlay import Outlined, outlines
from vesalius.report.page import Column, Section
from vesalius.report.table import Cell, fixed
from vesalius.report.verdict import Verdict, against, with_interval
from vesalius.scan.part import part
from vesalius.scan.scan import Scan
from vesalius.tasks.label_values import LabelValues
from vesalius.tasks.segment.config import SegmentSettings
from vesalius.tasks.segment.labels import read_classes
from vesalius.tasks.segment.screen import on_screen
from vesalius.wording import Progress, quiet, some

COLUMNS = ("unit", "patient", "map", "name", "dice", "hd95_mm", "found_ml", "truth_ml")
"""Header of `table.csv`; patients are numbered, so that no id leaves the manifest."""
_SPLIT_WORDS = {"test": "held-out test cases", "val": "validation cases (the manifest has no test split)"}
_SEED = 0
_PICTURES = 3
_NAMED = 5
"""Classes that the verdict names."""
_BESIDE = {"good": "better than", "neutral": "not shown to be better than", "bad": "worse than"}


class Finds(Protocol):
    """Minimal interface of a segmenter."""

    settings: SegmentSettings

    def classes(self, scans: Mapping[str, Scan], t: int = 0) -> NDArray[np.integer]: ...


@dataclass(frozen=True, eq=False)
class Unit:
    """One label map, measured.

    Args:
        rows: one for each class or region.
        picture: the slice with most of the labels.
    """

    rows: tuple[Measured, ...]
    picture: Outlined


def measure(
    segmenter: Finds,
    units: Cohort,
    images: tuple[str, ...],
    *,
    absent: Literal["background", "unknown"] = "background",
    progress: Progress = quiet,
) -> Iterator[tuple[Case, Unit | VesaliusError]]:
    """Predict and compare one label map after the other; an unreadable one yields its error.

    Args:
        segmenter: finds the classes.
        units: the label maps (`units.units`).
        images: names of the images that the segmenter takes.
        absent: under "unknown" a class that a reference does not hold gets no row.
        progress: called with one line per label map.
    """
    patients = {case.id: number for number, cases in enumerate(groups(units).values(), 1) for case in cases}
    opened: tuple[Mapping[str, str], dict[str, Scan]] = {}, {}  # ED and ES of a cine share it
    for number, case in enumerate(units, start=1):
        try:
            if opened[0] != case.images:
                held = [name for name in images if name in case.images]
                opened = case.images, {name: open_image(units, case, name) for name in held}
            yield case, _measured(segmenter, units, case, opened[1], str(patients[case.id]), absent)
        except VesaliusError as error:
            yield case, error
        progress(f"{number} of {len(units)} label maps measured")


def _measured(
    segmenter: Finds, units: Cohort, case: Case, scans: Mapping[str, Scan], patient: str, absent: str
) -> Unit:
    settings = segmenter.settings
    t = case.frames.get(MASK, 0)
    image = part(next(iter(scans.values())), t=t)
    truth_IJK = read_classes(units, case, LabelValues(settings.labels, settings.ignored, settings.map_values))
    found_IJK = np.where(truth_IJK < 0, 0, segmenter.classes(scans, t))
    numbers = settings.measured_classes
    if absent == "unknown":
        numbers = {name: members for name, members in numbers.items() if np.isin(truth_IJK, members).any()}
    rows = measure_masks(
        found_IJK,
        truth_IJK,
        numbers,
        image.spacing_mm,
        math.nan if image.spacing_mm is None else voxel_ml(image.affine),
        case=case.id,
        patient=patient,
        mask=case.id.rpartition("/")[2] if case.frames else MASK,
    )
    k = int((truth_IJK > 0).sum((0, 1)).argmax())
    i_mm, j_mm, _ = image.spacing_mm or (1.0, 1.0, 1.0)
    return Unit(
        tuple(rows), Outlined("", on_screen(image, 0, k), truth_IJK[..., k].T, found_IJK[..., k].T, (j_mm, i_mm))
    )


def beats(rows: Sequence[Measured], cavity: str | None) -> list[Beat]:
    """A beat for each study in which the cavity was measured at ED and ES; a patient may have several studies."""
    studies: dict[str, dict[str, Measured]] = {}
    for row in rows:
        if row.name == cavity:
            studies.setdefault(row.case.removesuffix(f"/{row.mask}"), {})[row.mask] = row
    by = ("the model", "the reference")
    return [
        Beat(
            study,
            maps[ED].patient,
            Pumping(maps[ED].predicted_ml, maps[ES].predicted_ml),
            Pumping(maps[ED].reference_ml, maps[ES].reference_ml),
            by=by,
        )
        for study, maps in studies.items()
        if {ED, ES} <= maps.keys()
    ]


@dataclass(frozen=True)
class SegmentSummary:
    """Rows of a test as means over patients.

    Args:
        rows: what was measured.
        classes: means and 95 % bootstrap intervals, from 10 patients on.
        beats: of the cines.
        ef: the ejection fractions; None without a cine.
        drawn: known patients, and studies that stand for them.
    """

    rows: Sequence[Measured]
    classes: Sequence[ClassSummary]
    beats: Sequence[Beat]
    ef: PumpSummary | None
    drawn: Drawn

    @classmethod
    def of(cls, rows: Sequence[Measured], cavity: str | None, drawn: Drawn) -> SegmentSummary:
        """Summarise rows; `cavity` is the class whose volume gives the ejection fraction."""
        patients = {who: who for who in sorted({row.patient for row in rows}, key=int)}
        cines = beats(rows, cavity)
        ef = pump_summary(cines, "ef_percent", patients) if cines else None
        return cls(rows, class_summaries(rows, patients, _SEED), cines, ef, drawn)

    @property
    def results(self) -> dict[str, Any]:
        """The numbers for programs, JSON-able."""
        dice = finite_mean(summary.dice.mean for summary in self.classes if summary.dice.mean is not None)
        result: dict[str, Any] = {
            "dice": dice if math.isfinite(dice) else None,
            "intervals": self.drawn.by,
            "classes": {summary.name: self._class(summary) for summary in self.classes},
        }
        if self.ef is not None:
            result["ejection_fraction"] = {
                "ef_from": STATED,
                "warnings": {what: [int(who) for who in patients] for what, patients in self._warnings.items()},
                "patients": self.ef.difference.present,
                "of_patients": len(self.ef.difference.values),
                "mean_error_points": self.ef.difference.mean,
                "mean_absolute_error_points": self.ef.absolute.mean,
            }
        return result

    @property
    def texts(self) -> dict[str, str]:
        """Measure -> value in words, for the model card."""
        words = {f"Dice, {summary.name}": self._class(summary)["text"] for summary in self.classes}
        return words if self.ef is None else words | {"Ejection fraction, mean absolute error": self._ef_error}

    def verdict(self, split: str, baseline: Mapping[str, Any] | None = None) -> Verdict:
        """The answer in one line.

        Args:
            split: "test" or "val".
            baseline: results of the trivial baseline (`trivial.Beside.results`), where there is one.
        """
        if not self.rows:
            return Verdict(words="No label map could be measured", outcome="bad")
        (dice, *others) = [summary.dice for summary in self.classes]
        interval = None if dice.low is None or dice.high is None else (dice.low, dice.high)
        measured = f"Dice {self.classes[0].name} {with_interval(dice.mean, interval)}"
        if others:
            means = [with_interval(summary.dice.mean, None) for summary in self.classes[1:_NAMED]]
            names = [summary.name for summary in self.classes[1:_NAMED]]
            measured += "".join(f", {name} {mean}" for name, mean in zip(names, means, strict=True))
        words = f"{measured} on {self.drawn.words}, {_SPLIT_WORDS[split]}"
        if baseline is None:
            return Verdict(words=words)
        outcome = against(baseline["difference"]["mean"], baseline["difference"]["interval"], 0.0)
        return Verdict(words=f"{words}; {_BESIDE[outcome]} a plain threshold", outcome=outcome)

    def sections(self, split: str, figures: Sequence[str]) -> list[Section]:
        """The report: means, pictures, every patient, ejection fractions.

        Args:
            split: "test" or "val".
            figures: files.
        """
        maps = len({row.case for row in self.rows})
        distance = "; HD95 is the larger of the two directed 95th percentiles" if self._has_mm else ""
        means = Section(title="Segmentation of held-out patients").text(
            f"{maps} label maps of {self.drawn.words}: {_SPLIT_WORDS[split]}. Predicted and compared "
            f"on the grid of the input{distance}."
        )
        for file in figures:
            means.figure(file, "Worst, middle and best case.", "Slices with the outlines of reference and model")
        table = overlap_tables(self.classes, self.drawn.words, self.drawn.by)[0]
        means.table(table.columns, table.rows, table.caption)
        return [means, self._patients(), *self._functions()]

    def _class(self, summary: ClassSummary) -> dict[str, Any]:
        dice = summary.dice
        interval = None if dice.low is None or dice.high is None else f"{dice.low:.3f} to {dice.high:.3f}"
        of = interval or f"{dice.present} {'studies' if self.drawn.studies else 'patients'}"
        of += f", {self.drawn.by}" if self.drawn.studies else ""
        return {
            "dice": dice.mean,
            "interval": [dice.low, dice.high] if interval else None,
            "interval_text": interval or "-",
            "patients": dice.present,
            "hd95_mm": summary.hd95_mm.mean,
            "text": "-" if dice.mean is None else f"{dice.mean:.3f} ({of})",
        }

    @property
    def _has_mm(self) -> bool:
        """Whether any distance is known: pixels of pictures have no size."""
        return any(math.isfinite(row.hd95_mm) for row in self.rows)

    @property
    def _warnings(self) -> dict[str, tuple[str, ...]]:
        return by_reason((doubt, beat.patient) for beat in self.beats for doubt in beat.doubts)

    @property
    def _ef_error(self) -> str:
        assert self.ef is not None
        error: Spread = self.ef.absolute
        text = "-" if error.mean is None else f"{error.mean:.1f} points"
        of = len(error.values)
        return text if error.present == of else f"{text} ({error.present} of {of} patients)"

    def _patients(self) -> Section:
        names = [summary.name for summary in self.classes]
        maps: dict[tuple[int, str, str], dict[str, Measured]] = {}
        for row in self.rows:
            maps.setdefault((int(row.patient), row.case, row.mask), {})[row.name] = row
        measures = {"Dice": ("dice", 3), "HD95 mm": ("hd95_mm", 1)}
        if not self._has_mm:
            del measures["HD95 mm"]
        columns = [Column(name="patient"), Column(name="map")]
        columns += [Column(name=f"{what} {name}", numeric=True) for what in measures for name in names]
        lines = [
            [
                str(patient),
                mask,
                *(
                    fixed(getattr(by_name[name], key) if name in by_name else None, decimals)
                    for key, decimals in measures.values()
                    for name in names
                ),
            ]
            for (patient, _, mask), by_name in sorted(maps.items())
        ]
        return Section(title="Every patient").table(columns, lines)

    def _functions(self) -> list[Section]:
        if not self.beats:
            return []
        words = {"EDV mL": "edv_ml", "ESV mL": "esv_ml", "EF %": "ef_percent"}
        heads = [head for word in words for head in (word, f"{word.split()[0]} reference")]
        lines = [
            [
                beat.patient,
                *(
                    fixed(getattr(side, name), 1)
                    for name in words.values()
                    for side in (beat.predicted, beat.reference)
                ),
            ]
            for beat in self.beats
        ]
        columns = [Column(name="patient"), *(Column(name=head, numeric=True) for head in heads)]
        section = Section(title="Ejection fraction")
        section.table(columns, lines, f"Mean absolute error of the ejection fraction: {self._ef_error}.")
        for warning, patients in self._warnings.items():
            section.text(f"Patient {some(patients)}: {warning}.", "warning")
        return [section]


def table_rows(rows: Sequence[Measured]) -> list[dict[str, Cell]]:
    """Rows of `table.csv`."""
    return [
        {
            "unit": row.case,
            "patient": int(row.patient),
            "map": row.mask,
            "name": row.name,
            "dice": row.dice,
            "hd95_mm": row.hd95_mm,
            "found_ml": row.predicted_ml,
            "truth_ml": row.reference_ml,
        }
        for row in rows
    ]


def extremes_picture(units: Sequence[Unit], names: tuple[str, ...]) -> bytes:
    """The worst, the middle and the best case, as PNG."""
    dice = {id(unit): finite_mean(row.dice for row in unit.rows) for unit in units}
    ranked = sorted(units, key=lambda unit: (math.isnan(dice[id(unit)]), dice[id(unit)]))
    chosen = [ranked[place] for place in sorted({0, len(ranked) // 2, len(ranked) - 1})][:_PICTURES]
    pictures = []
    for unit in chosen:
        first = unit.rows[0]
        where = f"patient {first.patient}" + ("" if first.mask == MASK else f", {first.mask}")
        pictures.append(replace(unit.picture, caption=f"{where}\nmean Dice {dice[id(unit)]:.3f}"))
    return outlines(pictures, names)
