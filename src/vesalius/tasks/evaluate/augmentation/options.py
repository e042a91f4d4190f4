"""Options of `evaluate augmentation`. Imports little, so that help starts fast."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from vesalius.arguments import checked_fields
from vesalius.errors import UsageError

REAL, CLASSICAL, SYNTHETIC, SYNTHETIC_ONLY, EVERYTHING = ARMS = (
    "real",
    "classical",
    "synthetic",
    "synthetic-only",
    "everything",
)
"""Real pictures; real ones with classical augmentation; real and synthetic ones; synthetic ones alone; all three."""
AugmentationMeasure = Literal["auroc", "auprc", "accuracy", "macro_f1"]


@checked_fields
@dataclass(frozen=True)
class AugmentationOptions:
    """Which arms are trained, and what they are compared by."""

    arms: tuple[str, ...] = field(
        default=(REAL, CLASSICAL, SYNTHETIC, SYNTHETIC_ONLY),
        metadata={
            "help": "Real pictures (real), with the augmentation of CONFIG (classical), with synthetic ones "
            "(synthetic), those alone (synthetic-only), all three (everything).",
            "flag": "--arms NAME,NAME",
        },
    )
    seeds: tuple[int, ...] = field(
        default=(0, 1, 2, 3, 4),
        metadata={"help": "Of the training; every arm has each.", "flag": "--seeds N,N", "example": "0,1,2"},
    )
    measure: AugmentationMeasure = field(
        default="auroc",
        metadata={"help": "Mean over the classes; accuracy and macro_f1 where each picture has one class."},
    )

    def check(self) -> None:
        """Raise UsageError where the options do not fit."""
        for name, values in (("--seeds", self.seeds), ("--arms", self.arms)):
            if not values or len(set(values)) < len(values):
                raise UsageError("is empty or names something twice", where=name, fix="name each once")
        if min(self.seeds) < 0:
            raise UsageError(f"{min(self.seeds)} is no seed", where="--seeds", fix="choose 0 or more")
        strange = [name for name in self.arms if name not in ARMS]
        if strange:
            raise UsageError(f"there is no arm {strange[0]!r}", where="--arms", fix=f"choose from {', '.join(ARMS)}")
        if REAL not in self.arms or len(self.arms) < 2:
            what = f"the arm {REAL} is what others are compared with"
            raise UsageError(what, where="--arms", fix=f"name it and another, as {REAL},{SYNTHETIC}")
