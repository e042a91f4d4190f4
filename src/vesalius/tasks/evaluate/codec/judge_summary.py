"""What the judge found, from studies to a data set: at the ratios people ask for, read from each study's own points.

Dice and volumes need not rise with the bytes, so all points are kept: between two neighbours a value is interpolated
linearly in the logarithm of the ratio, never beyond a measured end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from pydantic import BaseModel, ConfigDict

from vesalius.metrics.spread import Spread
from vesalius.tasks.evaluate.codec.judged import JudgedStudy, Judgement, difference, mean_by_class, mean_of
from vesalius.tasks.evaluate.codec.results import StudyResult

Read = Callable[[JudgedStudy, Judgement], float | None]
"""A number of one file of a study."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class JudgedAt(_Model):
    """A coder at one ratio, as the judge sees it.

    Args:
        dice: class -> Dice of the judge's masks with the reference masks; studies whose masks hold the class.
        dice_delta: class -> the same less the judge's own Dice on the original.
        mean_dice: mean over the classes of a study.
        mean_dice_delta: the same, less that of the original.
        agreement: class -> Dice of the judge's masks with its masks of the original.
        mean_agreement: mean over the classes; studies without masks.
        edv_delta_ml: restored less original, both by the judge.
        esv_delta_ml: the same.
        ef_delta_points: the same, percentage points.
        ef_error_points: size of that, without its sign.
    """

    dice: dict[str, Spread]
    dice_delta: dict[str, Spread]
    mean_dice: Spread
    mean_dice_delta: Spread
    agreement: dict[str, Spread]
    mean_agreement: Spread
    edv_delta_ml: Spread
    esv_delta_ml: Spread
    ef_delta_points: Spread
    ef_error_points: Spread


class JudgedCoder(_Model):
    """One coder. Args: at: ratio -> what the judge sees there."""

    coder: str
    at: dict[int, JudgedAt]


class JudgeSummary(_Model):
    """The judge on one data set.

    Args:
        classes: what it finds.
        dice: class -> its own Dice with the masks on the originals: the ceiling.
        mean_dice: mean over the classes of a study.
        edv_ml: on the originals, by the judge.
        esv_ml: the same.
        ef_percent: the same.
        masks_ef_percent: by the masks.
        frames_from: study -> how its ED and ES frames are known.
        coders: lossy coders.
        warnings: what cannot be of a heart -> the studies concerned.
    """

    classes: tuple[str, ...]
    dice: dict[str, Spread]
    mean_dice: Spread
    edv_ml: Spread
    esv_ml: Spread
    ef_percent: Spread
    masks_ef_percent: Spread
    frames_from: dict[str, str]
    coders: tuple[JudgedCoder, ...]
    warnings: dict[str, tuple[str, ...]] = {}


def judge_summary(results: Sequence[StudyResult], ratios: Sequence[int]) -> JudgeSummary | None:
    """Aggregate the studies of a data set that were judged; None without any."""
    studies = {one.name: one.judged for one in results if one.judged is not None}
    if not studies:
        return None
    judged = [one for one in results if one.judged is not None]
    coders = dict.fromkeys(point.coder for result in judged for point in result.points)
    classes = tuple(dict.fromkeys(name for one in studies.values() for name in one.classes))

    def originals(read: Read) -> Spread:
        return Spread.of_all({name: read(one, one.original) for name, one in studies.items()})

    return JudgeSummary(
        classes=classes,
        dice={
            name: Spread.of_all({key: _dice(name)(one, one.original) for key, one in _holding(studies, name).items()})
            for name in classes
            if _holding(studies, name)
        },
        mean_dice=Spread.of_all(
            {name: _mean_dice(one, one.original) for name, one in studies.items() if one.has_masks}
        ),
        edv_ml=originals(lambda _, found: found.edv_ml),
        esv_ml=originals(lambda _, found: found.esv_ml),
        ef_percent=originals(lambda _, found: found.ef_percent),
        masks_ef_percent=Spread.of_all({name: one.masks_ef_percent for name, one in studies.items() if one.has_masks}),
        frames_from={name: one.frames_from for name, one in studies.items()},
        coders=tuple(
            JudgedCoder(coder=coder, at={ratio: _at(judged, classes, coder, ratio) for ratio in ratios})
            for coder in coders
        ),
        warnings=_warnings(judged),
    )


def _warnings(results: Sequence[StudyResult]) -> dict[str, tuple[str, ...]]:
    """What is implausible, by whose masks -> studies."""
    found: dict[str, list[str]] = {}
    for one in results:
        if one.judged is None:
            continue
        restored = [doubt for point in one.points if point.judged is not None for doubt in point.judged.doubts]
        sides = {
            "the reference masks": one.judged.masks_doubts,
            "the judge on the original": one.judged.original.doubts,
            "the judge on a restored scan": dict.fromkeys(restored),
        }
        for side, doubts in sides.items():
            for doubt in doubts:
                found.setdefault(f"implausible by {side}: {doubt}", []).append(one.name)
    return {warning: tuple(names) for warning, names in found.items()}


def read_at(result: StudyResult, coder: str, ratio: float, read: Read) -> float | None:
    """A number of one coder on one study at a ratio; None outside the measured range or beside a point without it."""
    judged = result.judged
    if judged is None:
        return None
    points = [(math.log(one.ratio), read(judged, one.judged)) for one in result.of(coder) if one.judged is not None]
    wanted = math.log(ratio)
    below = max((one for one in points if one[0] <= wanted), default=None, key=lambda one: one[0])
    above = min((one for one in points if one[0] >= wanted), default=None, key=lambda one: one[0])
    if below is None or above is None or below[1] is None or above[1] is None:
        return None
    share = (wanted - below[0]) / (above[0] - below[0]) if above[0] > below[0] else 0.0
    return below[1] + share * (above[1] - below[1])


def _at(results: Sequence[StudyResult], classes: Sequence[str], coder: str, ratio: int) -> JudgedAt:
    studies = {one.name: one.judged for one in results if one.judged is not None}

    def across(read: Read, names: Sequence[str] | None = None) -> Spread:
        kept = [one for one in results if names is None or one.name in names]
        return Spread.of_all({one.name: read_at(one, coder, ratio, read) for one in kept})

    with_masks = [name for name, one in studies.items() if one.has_masks]
    without = [name for name, one in studies.items() if not one.has_masks]
    drawn = {name: list(_holding(studies, name)) for name in classes}
    ef = across(lambda study, found: difference(found.ef_percent, study.original.ef_percent))
    return JudgedAt(
        dice={name: across(_dice(name), held) for name, held in drawn.items() if held},
        dice_delta={name: across(_dice_delta(name), held) for name, held in drawn.items() if held},
        mean_dice=across(_mean_dice, with_masks),
        mean_dice_delta=across(
            lambda study, found: difference(_mean_dice(study, found), _mean_dice(study, study.original)), with_masks
        ),
        agreement={name: across(_agreement(name)) for name in classes},
        mean_agreement=across(lambda _, found: mean_of(mean_by_class(found.agreement)), without),
        edv_delta_ml=across(lambda study, found: difference(found.edv_ml, study.original.edv_ml)),
        esv_delta_ml=across(lambda study, found: difference(found.esv_ml, study.original.esv_ml)),
        ef_delta_points=ef,
        ef_error_points=Spread.of_all({name: None if it is None else abs(it) for name, it in ef.values.items()}),
    )


def _holding(studies: dict[str, JudgedStudy], name: str) -> dict[str, JudgedStudy]:
    """Studies whose masks hold a class."""
    return {key: one for key, one in studies.items() if one.original.dice.get(name)}


def _dice(name: str) -> Read:
    return lambda _, found: mean_by_class(found.dice).get(name)


def _dice_delta(name: str) -> Read:
    return lambda study, found: difference(
        mean_by_class(found.dice).get(name), mean_by_class(study.original.dice).get(name)
    )


def _agreement(name: str) -> Read:
    return lambda _, found: mean_by_class(found.agreement).get(name)


def _mean_dice(_: JudgedStudy, found: Judgement) -> float | None:
    return mean_of(mean_by_class(found.dice))
