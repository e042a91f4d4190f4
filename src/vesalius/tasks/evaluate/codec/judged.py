"""What a judge segmenter found in the ED and ES frames of one scan, as it is kept beside the other measures."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from vesalius.metrics.cardiac import Pumping, ef_doubts
from vesalius.report.table import Cell

FramesFrom = Literal["Info.cfg", "masks", "judge"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Judgement(_Model):
    """The judge's masks of one scan, original or restored, measured.

    Args:
        dice: class -> "ED" / "ES" -> Dice with the reference mask, of those that the mask of the frame holds.
        agreement: the same with the judge's own masks of the original, of classes that one of the two holds.
        edv_ml: volume of the cavity at end-diastole; None without a cavity or a known voxel size.
        esv_ml: at end-systole.
        ef_percent: None where a frame has no cavity.
        in_pieces: "ED", "ES" where the cavity has several large pieces.
    """

    dice: dict[str, dict[str, float]]
    agreement: dict[str, dict[str, float]]
    edv_ml: float | None
    esv_ml: float | None
    ef_percent: float | None
    in_pieces: tuple[str, ...] = ()

    @property
    def doubts(self) -> list[str]:
        """What cannot be of a heart."""
        found = [f"the cavity is in several pieces at {phase}" for phase in self.in_pieces]
        return [*pump_doubts(self.edv_ml, self.esv_ml, self.ef_percent), *found]

    @property
    def words(self) -> str:
        """For a line of progress."""
        name, found = ("Dice", mean_by_class(self.dice)) if self.dice else ("agreement", mean_by_class(self.agreement))
        mean = mean_of(found)
        return "" if mean is None else f", {name} {mean:.3f}"


class JudgedStudy(_Model):
    """What the judge found in the original, and what readers drew.

    Args:
        ed: frame of end-diastole, from 0.
        es: frame of end-systole.
        frames_from: how the two were found.
        classes: what is measured, in the order of the judge.
        original: the judge on the original: its ceiling.
        masks_edv_ml: volume of the cavity in the reference mask at end-diastole; None where there is none.
        masks_esv_ml: at end-systole.
        masks_ef_percent: from these.
    """

    ed: int
    es: int
    frames_from: FramesFrom
    classes: tuple[str, ...]
    original: Judgement
    masks_edv_ml: float | None = None
    masks_esv_ml: float | None = None
    masks_ef_percent: float | None = None

    @property
    def masks_doubts(self) -> list[str]:
        """What cannot be of the heart that readers drew."""
        return pump_doubts(self.masks_edv_ml, self.masks_esv_ml, self.masks_ef_percent)

    @property
    def has_masks(self) -> bool:
        """True where Dice with masks is known."""
        return bool(self.original.dice)

    def cells(self, found: Judgement) -> dict[str, Cell]:
        """The columns of `table.csv` of one file of this study."""
        row: dict[str, Cell] = {}
        own, dice = mean_by_class(self.original.dice), mean_by_class(found.dice)
        agreement = mean_by_class(found.agreement)
        for name in self.classes:
            row[f"judge_dice_{name}"] = dice.get(name)
            row[f"judge_dice_delta_{name}"] = difference(dice.get(name), own.get(name))
            row[f"judge_agreement_{name}"] = agreement.get(name)
        for name, unit in _VOLUMES:
            value = getattr(found, f"{name}_{unit}")
            row[f"judge_{name}_{unit}"] = value
            row[f"judge_{name}_delta_{unit}"] = difference(value, getattr(self.original, f"{name}_{unit}"))
        return row


_VOLUMES = (("edv", "ml"), ("esv", "ml"), ("ef", "percent"))


def pump_doubts(edv_ml: float | None, esv_ml: float | None, ef_percent: float | None) -> list[str]:
    """What cannot be of these, as far as they are known."""
    if edv_ml and esv_ml is not None:
        return list(Pumping(edv_ml, esv_ml).doubts)
    return [] if ef_percent is None else list(ef_doubts(ef_percent))


def judge_columns(studies: Iterable[JudgedStudy | None]) -> tuple[str, ...]:
    """Columns that judged studies add to `table.csv`; none without any."""
    judged = [one for one in studies if one is not None]
    return tuple(dict.fromkeys(name for one in judged for name in one.cells(one.original)))


def mean_by_class(found: dict[str, dict[str, float]]) -> dict[str, float]:
    """Class -> mean over its frames."""
    return {name: math.fsum(each.values()) / len(each) for name, each in found.items() if each}


def mean_of(values: dict[str, float]) -> float | None:
    """Mean over classes; None without any."""
    return math.fsum(values.values()) / len(values) if values else None


def difference(one: float | None, other: float | None) -> float | None:
    """One - other; None where one of them is."""
    return None if one is None or other is None else one - other
