"""EDV, ESV and EF of the predicted and the reference masks of each cine.

Letters: T time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from vesalius.cohort.case import MASK
from vesalius.cohort.ends import ED, ES
from vesalius.metrics.cardiac import EXTREMES, SMOOTHED, STATED, Beat, EfFrom, Pumping, pumping, smoothed
from vesalius.metrics.masks import Measured
from vesalius.tasks.evaluate.masks.measure import PairResult


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
    cines: dict[tuple[str, str], list[PairResult]] = {}
    for result in results:
        cines.setdefault((result.pair.reference.case, result.pair.reference.patient), []).append(result)
    for (case, patient), masks in cines.items():
        if sum(result.pair.reference.name == MASK for result in masks) > 1:  # perhaps not moments of one beat
            continue
        moments = [moment for result in masks if not result.pair.reference.structure for moment in _moments(result, lv)]
        if len(moments) < 2:
            continue
        diastole, systole, source = _ends(moments, max(result.frames for result in masks))
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


def _missing(diastole: Measured, systole: Measured, lv: int) -> str:
    """Why there is no ejection fraction; "" where there is."""
    for name, moment in ((ED, diastole), (ES, systole)):
        for side, volume in (("predicted", moment.predicted_ml), ("reference", moment.reference_ml)):
            if math.isnan(volume):
                return "the size of a voxel is unknown"
            if volume <= 0:
                return f"the {side} mask of {name} has no cavity (label {lv})"
    return ""


def _moments(result: PairResult, lv: int) -> list[Measured]:
    """The cavity in each frame of a pair, of volume 0 where neither mask holds it."""
    mask = result.pair.reference
    frames = {row.frame: _no_cavity(mask.name, row.frame) for row in result.rows}
    frames |= {row.frame: row for row in result.rows if row.label == lv}
    return list(frames.values()) or [_no_cavity(mask.name, mask.frame)]


def _no_cavity(mask: str, frame: int | None) -> Measured:
    return Measured("", "", mask, "", math.nan, math.nan, math.nan, 0.0, 0.0, frame)


def _ends(moments: Sequence[Measured], frames: int) -> tuple[Measured, Measured, EfFrom]:
    """The moments of end-diastole and end-systole among those of a reference of so many frames."""
    named = {moment.mask: moment for moment in moments}
    if ED in named and ES in named:
        return named[ED], named[ES], STATED
    by_frame = {moment.frame: moment for moment in moments if moment.frame is not None and moment.frame < frames}
    every = [by_frame.get(t, _no_cavity("", t)) for t in range(frames)]
    reference_T = [moment.reference_ml for moment in every]
    if len(by_frame) == len(moments) and smoothed(reference_T) is not None:
        reference, predicted_T = pumping(reference_T), [moment.predicted_ml for moment in every]
        curve_T = smoothed(predicted_T)
        diastole, systole = (
            replace(every[t], predicted_ml=predicted_T[t] if curve_T is None else float(curve_T[t]), reference_ml=ml)
            for t, ml in ((reference.ed_frame or 0, reference.edv_ml), (reference.es_frame or 0, reference.esv_ml))
        )
        return diastole, systole, SMOOTHED
    filled = [moment for moment in moments if moment.reference_ml > 0] or list(moments)
    largest = max(filled, key=lambda moment: moment.reference_ml)
    return largest, min(filled, key=lambda moment: moment.reference_ml), EXTREMES
