"""EDV, ESV and EF of predicted and reference masks, patient by patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vesalius.cohort.case import MASK
from vesalius.metrics.cardiac import Pumping
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
    """

    case: str
    patient: str
    predicted: Pumping
    reference: Pumping


@dataclass(frozen=True)
class _Moment:
    name: str
    frame: int | None
    predicted_ml: float
    reference_ml: float


def beats(results: Sequence[PairResult], lv: int) -> tuple[list[Beat], dict[str, str]]:
    """Beats of the cases that have masks of end-diastole and end-systole, and why the other cines have none.

    The moments are the masks called ED and ES, else the frames in which the cavity of the *reference* is largest and
    smallest; the predicted masks are measured at the same moments.

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
        diastole, systole = _ends(moments)
        empty = [
            f"the {side} mask of {name} has no cavity (label {lv})"
            for name, moment in ((ED, diastole), (ES, systole))
            for side, volume in (("predicted", moment.predicted_ml), ("reference", moment.reference_ml))
            if not volume > 0
        ]
        if empty:
            without[case] = empty[0]
            continue
        predicted, reference = (
            Pumping(getattr(diastole, side), getattr(systole, side), diastole.frame, systole.frame)
            for side in ("predicted_ml", "reference_ml")
        )
        found.append(Beat(case, patient, predicted, reference))
    return found, without


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
        volumes = (cavity.predicted_ml, cavity.reference_ml) if cavity else (0.0, 0.0)
        moments.append(_Moment(result.pair.reference.name, frame, *volumes))
    return moments


def _ends(moments: Sequence[_Moment]) -> tuple[_Moment, _Moment]:
    named = {moment.name: moment for moment in moments}
    if ED in named and ES in named:
        return named[ED], named[ES]
    shown = [moment for moment in moments if moment.reference_ml > 0] or list(moments)
    largest = max(shown, key=lambda moment: moment.reference_ml)
    return largest, min(shown, key=lambda moment: moment.reference_ml)
