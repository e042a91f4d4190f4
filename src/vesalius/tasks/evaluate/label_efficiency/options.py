"""Options of `evaluate label-efficiency`. Imports little, so that help starts fast."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from vesalius.arguments import checked_fields
from vesalius.errors import UsageError

SCRATCH, PRETRAINED, PROBE = ARMS = ("scratch", "pretrained", "probe")
"""Fresh weights; weights of `init_from`; the same with a frozen encoder."""
Measure = Literal["auroc", "auprc"]


def without_arm(word: str) -> str:
    """Return an override of one arm as that of all.

    Example:
        >>> without_arm("probe:train.epochs=5"), without_arm("train.epochs=5")
        ('train.epochs=5', 'train.epochs=5')
    """
    arm, _, rest = word.partition(":")
    return rest if arm in ARMS else word


@checked_fields
@dataclass(frozen=True)
class EfficiencyOptions:
    """Which cells are trained, what they are measured on, and where they run."""

    shares: tuple[float, ...] = field(
        default=(1.0, 3.0, 10.0, 33.0, 100.0),
        metadata={"help": "Percent of the training patients.", "flag": "--shares P,P", "example": "1,10,100"},
    )
    seeds: tuple[int, ...] = field(
        default=(0, 1, 2, 3, 4),
        metadata={
            "help": "Of the patients drawn and of the training.",
            "flag": "--seeds N,N",
            "example": "0,1,2",
        },
    )
    arms: tuple[str, ...] = field(
        default=ARMS,
        metadata={
            "help": "Fresh weights (scratch), those of init_from (pretrained), the same frozen (probe).",
            "flag": "--arms NAME,NAME",
        },
    )
    on: Literal["test", "folds"] = field(
        default="test",
        metadata={"help": "Measure the test split, or each fold of the manifest by models that did not see it."},
    )
    budget: Literal["steps", "epochs"] = field(
        default="steps",
        metadata={"help": "Each share trains for as many steps as all patients would, or for the same epochs."},
    )
    measure: Measure = field(default="auroc", metadata={"help": "Mean over the classes."})
    engine: Literal["alone", "ray"] = field(
        default="alone", metadata={"help": "One cell after the other here, or several at once on a Ray cluster."}
    )
    address: str | None = field(
        default=None,
        metadata={
            "help": "Ray cluster, HOST:PORT or auto; none: this machine alone.",
            "flag": "--address HOST:PORT",
        },
    )

    def check(self) -> None:
        """Raise UsageError where the options do not fit."""
        for name, values in (("--shares", self.shares), ("--seeds", self.seeds), ("--arms", self.arms)):
            if not values or len(set(values)) < len(values):
                raise UsageError("is empty or names something twice", where=name, fix="name each once")
        wrong = [share for share in self.shares if not 0 < share <= 100]
        if wrong:
            raise UsageError(f"{wrong[0]:g} is not a percentage", where="--shares", fix="choose above 0, to 100")
        if min(self.seeds) < 0:
            raise UsageError(f"{min(self.seeds)} is no seed", where="--seeds", fix="choose 0 or more")
        strange = [name for name in self.arms if name not in ARMS]
        if strange:
            raise UsageError(f"there is no arm {strange[0]!r}", where="--arms", fix=f"choose from {', '.join(ARMS)}")
        if self.address is not None and self.engine != "ray":
            raise UsageError("belongs to --engine ray", where="--address", fix="leave it out, or pass --engine ray")
