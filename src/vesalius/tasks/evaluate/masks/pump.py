"""EDV, ESV and EF of predicted and reference masks, patient by patient, and what about them cannot be.

Letters: T time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from vesalius.cohort.case import MASK
from vesalius.metrics.cardiac import Pumping
from vesalius.metrics.cycle import EXTREMES, SMOOTHED, STATED, EfFrom, cycle_ends, smoothed
from vesalius.metrics.doubts import doubts
from vesalius.tasks.evaluate.masks.find import ED, ES
from vesalius.tasks.evaluate.masks.measure import Measured, PairResult


@dataclass(frozen=True)
class Beat:
    """One cine measured on both masks, at the same two moments.

    Args:
        case: as it is told.
        patient: who it is of; never told.
        predicted: from the predicted masks.
        reference: from the reference masks.
        in_pieces: the masks in which the cavity has several large pieces, e.g. "the predicted mask of ED".
    """

    case: str
    patient: str
    predicted: Pumping
    reference: Pumping
    in_pieces: tuple[str, ...] = ()

    @property
    def doubts(self) -> list[str]:
        """What cannot be, without numbers: the tables have them."""
        found = [
            f"implausible by the {side} masks: {kind}"
            for side, pumping in (("predicted", self.predicted), ("reference", self.reference))
            for kind in doubts(pumping)
        ]
        return found + [f"implausible: the LV is in several pieces in {where}" for where in self.in_pieces]


@dataclass(frozen=True)
class _Moment:
    name: str
    frame: int | None
    predicted_ml: float
    reference_ml: float
    predicted_pieces: int = 1
    reference_pieces: int = 1


def beats(results: Sequence[PairResult], lv: int) -> tuple[list[Beat], dict[str, str]]:
    """Beats of the cases that have masks of end-diastole and end-systole, and why the other cines have none.

    The moments are the masks called ED and ES. Else they are read off the *reference*: the ends of its smoothed volume
    curve where the masks are those of a whole beat, and both sides are then measured on their smoothed curves; of fewer
    masks those with the largest and the smallest cavity. Both sides are measured at the same moments.

    Args:
        results: measured pairs.
        lv: label of the LV cavity.
    """
    found: list[Beat] = []
    without: dict[str, str] = {}
    cases = dict.fromkeys((one.pair.reference.case, one.pair.reference.patient) for one in results)
    for case, patient in cases:
        own = [one for one in results if (one.pair.reference.case, one.pair.reference.patient) == (case, patient)]
        unnamed = [one for one in own if one.pair.reference.name == MASK]
        if len(unnamed) > 1:  # nobody says that they are moments of one beat
            continue
        moments = [moment for one in own if not one.pair.reference.structure for moment in _moments(one, lv)]
        if len(moments) < 2:
            continue
        diastole, systole, source = _ends(moments, max(one.frames for one in own))
        missing = _missing(diastole, systole, lv)
        if missing:
            without[case] = missing
            continue
        predicted, reference = (
            Pumping(getattr(diastole, side), getattr(systole, side), diastole.frame, systole.frame, source)
            for side in ("predicted_ml", "reference_ml")
        )
        in_pieces = tuple(
            f"the {side} mask of {name}"
            for name, moment in ((ED, diastole), (ES, systole))
            for side in ("predicted", "reference")
            if getattr(moment, f"{side}_pieces") > 1
        )
        found.append(Beat(case, patient, predicted, reference, in_pieces))
    return found, without


def _missing(diastole: _Moment, systole: _Moment, lv: int) -> str:
    """Why there is no ejection fraction; "" where there is."""
    for name, moment in ((ED, diastole), (ES, systole)):
        for side, volume in (("predicted", moment.predicted_ml), ("reference", moment.reference_ml)):
            if math.isnan(volume):
                return "the size of a voxel is unknown"
            if volume <= 0:
                return f"the {side} mask of {name} has no cavity (label {lv})"
    return ""


def _moments(result: PairResult, lv: int) -> list[_Moment]:
    """The frames of a pair with the volume of the cavity, 0 where no mask holds it."""
    frames: dict[int | None, list[Measured]] = {}
    for row in result.rows:
        frames.setdefault(row.frame, []).append(row)
    if not frames:  # nothing in either mask
        frames[result.pair.reference.frame] = []
    moments = []
    for frame, rows in frames.items():
        cavity = next((row for row in rows if row.label == lv), None)
        name = result.pair.reference.name
        if cavity is None:
            moments.append(_Moment(name, frame, 0.0, 0.0))
            continue
        pieces = cavity.predicted_pieces, cavity.reference_pieces
        moments.append(_Moment(name, frame, cavity.predicted_ml, cavity.reference_ml, *pieces))
    return moments


def _ends(moments: Sequence[_Moment], frames: int) -> tuple[_Moment, _Moment, EfFrom]:
    """The moments of end-diastole and end-systole among those of a reference of so many frames."""
    named = {moment.name: moment for moment in moments}
    if ED in named and ES in named:
        return named[ED], named[ES], STATED
    by_frame = {moment.frame: moment for moment in moments if moment.frame is not None and moment.frame < frames}
    volumes_T = np.array([by_frame[t].reference_ml if t in by_frame else 0.0 for t in range(frames)])
    if len(by_frame) == len(moments) and smoothed(volumes_T) is not None:
        ed, es, edv_ml, esv_ml, _ = cycle_ends(volumes_T)
        predicted_T = np.array([by_frame[t].predicted_ml if t in by_frame else 0.0 for t in range(frames)])
        curve_T = smoothed(predicted_T)
        predicted_T = predicted_T if curve_T is None else curve_T
        diastole, systole = (
            replace(by_frame.get(t, _Moment("", t, 0.0, 0.0)), predicted_ml=float(predicted_T[t]), reference_ml=ml)
            for t, ml in ((ed, edv_ml), (es, esv_ml))
        )
        return diastole, systole, SMOOTHED
    shown = [moment for moment in moments if moment.reference_ml > 0] or list(moments)
    largest = max(shown, key=lambda moment: moment.reference_ml)
    return largest, min(shown, key=lambda moment: moment.reference_ml), EXTREMES
