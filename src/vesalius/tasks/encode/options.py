"""Options of `vesalius embed`. Imports little, so that help starts fast."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from vesalius.errors import UsageError

MIDDLE = -1
"""Number that stands for the middle slice."""
SLICE_HELP = {
    "stride": "every so many slices",
    "most": "slices at most, evenly spread over the scan; 0: all",
    "least_body": "slices are left out where less than this share of the pixels is above body_above, 0.02 for heads; "
    "0: none",
    "body_above": "real value that divides air and body: HU of CT; for other images name your own",
}


@dataclass(frozen=True)
class EmbedOptions:
    """Which slices an encoder takes, how they are shown to it, and which patches are compared.

    Raises:
        UsageError: a patch that is not a pair, or no slice in a batch.

    Example:
        >>> EmbedOptions(stride=2, patch=(7, 7)).slice == MIDDLE
        True
    """

    stride: int = field(default=1, metadata={"help": SLICE_HELP["stride"]})
    most: int = field(default=0, metadata={"help": SLICE_HELP["most"], "flag": "--max-slices"})
    least_body: float = field(default=0.0, metadata={"help": SLICE_HELP["least_body"], "flag": "--least-body SHARE"})
    body_above: float = field(default=-500.0, metadata={"help": SLICE_HELP["body_above"], "flag": "--body-above VALUE"})
    slice: int = field(default=MIDDLE, metadata={"help": "slice of the similarity map; -1: the middle one"})
    patch: tuple[int, int] | None = field(
        default=None,
        metadata={
            "help": "row and column of the patch that others are compared with, by default the middle one",
            "flag": "--patch H,W",
            "example": "7,7",
        },
    )
    window: Literal["as-trained", "wide", "brain-subdural-bone"] = field(
        default="as-trained", metadata={"help": "how CT slices are shown"}
    )
    batch: int = field(default=16, metadata={"help": "slices in a batch"})
    precision: Literal["auto", "fp32", "bf16"] = field(
        default="auto", metadata={"help": "auto: bf16 where the hardware has it"}
    )
    cache: Path | None = field(
        default=None,
        metadata={"help": "folder where vectors are kept, by default that of the user", "flag": "--cache DIR"},
    )

    def __post_init__(self) -> None:
        if self.patch is not None and len(self.patch) != 2:
            raise UsageError("is not a row and a column", where="--patch", fix="write for instance 7,7")
        if self.batch < 1:
            raise UsageError(f"{self.batch} was given", where="--batch", fix="give 1 or more")
