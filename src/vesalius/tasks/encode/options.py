"""Options of `vesalius embed`. Imports little, so that help starts fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

from vesalius.arguments import checked_fields
from vesalius.errors import UsageError

MIDDLE = -1
"""Number that stands for the middle slice."""
MIN_POINTS = 4
"""Rows that a drawing in two dimensions needs."""
SLICE_HELP = {
    "stride": "every so many slices",
    "most": "slices at most, evenly spread over the scan; 0: all",
    "least_body": "slices are left out where less than this share of the pixels is above body_above, 0.02 for heads; "
    "0: none",
    "body_above": "real value that divides air and body: HU of CT; for other images name your own",
}


Window = Literal["as-trained", "wide", "brain-subdural-bone"]
Pool = Literal["none", "mean", "max", "stack"]
Method = Literal["tsne", "umap"]
_OF_SCAN = ("slice", "patch")
_OF_COHORT = ("pool", "endpoints", "project", "colour", "points", "seed")
"""Fields that a manifest alone takes."""


@checked_fields
@dataclass(frozen=True)
class EmbedOptions:
    """Which slices an encoder takes, how they are shown to it, and what is made of their vectors.

    Raises:
        UsageError: a patch that is not a pair, or a number that is too small.

    Example:
        >>> EmbedOptions(stride=2, patch=(7, 7)).slice == MIDDLE
        True
    """

    stride: int = field(default=1, metadata={"help": SLICE_HELP["stride"]})
    most: int = field(default=0, metadata={"help": SLICE_HELP["most"], "flag": "--max-slices"})
    least_body: float = field(default=0.0, metadata={"help": SLICE_HELP["least_body"], "flag": "--least-body SHARE"})
    body_above: float = field(default=-500.0, metadata={"help": SLICE_HELP["body_above"], "flag": "--body-above VALUE"})
    slice: int = field(default=MIDDLE, metadata={"help": "one scan: slice of the similarity map; -1: the middle one"})
    patch: tuple[int, int] | None = field(
        default=None,
        metadata={
            "help": "one scan: row and column of the patch that others are compared with; center: the middle one",
            "flag": "--patch H,W",
            "example": "7,7 or center",
            "default": "center",
        },
    )
    window: Window = field(default="as-trained", metadata={"help": "how CT slices are shown"})
    resize: int | None = field(
        default=None,
        metadata={
            "help": "side of the square that a picture or slice is resized to, by default that of the model",
            "flag": "--resize PIXELS",
        },
    )
    pool: Pool | None = field(
        default=None,
        metadata={
            "help": "manifest: none, a row for each slice or frame; mean or max of them, one for each case; stack, for "
            "tokenizers: the ends and the middle of the stack side by side. By default stack or mean for tokenizers, "
            "none for others"
        },
    )
    endpoints: bool = field(
        default=False, metadata={"help": "manifest: also the pooled vectors of block groups 1 to 4 (ResNet, BiT)"}
    )
    project: Method | None = field(
        default=None, metadata={"help": "manifest: draw the rows in two dimensions; umap needs vesalius[project]"}
    )
    colour: str | None = field(
        default=None,
        metadata={
            "help": "label or fact that colours the drawing, by default the class of the case or the first label",
            "flag": "--colour NAME",
        },
    )
    points: int = field(default=5000, metadata={"help": "rows drawn at most, chosen by the seed"})
    seed: int = field(default=0, metadata={"help": "random seed of the drawing"})
    batch: int = field(default=16, metadata={"help": "slices in a batch"})
    precision: Literal["auto", "fp32", "bf16"] = field(
        default="auto",
        metadata={"help": "auto: bf16 where the hardware has it; fp32: nearly the same vectors on every machine"},
    )
    cache: Path | None = field(
        default=None,
        metadata={
            "help": "folder where vectors of single scans and digests of files are kept, by default that of the user",
            "flag": "--cache DIR",
        },
    )

    def __post_init__(self) -> None:
        if self.patch is not None and len(self.patch) != 2:
            raise UsageError("is not a row and a column", where="--patch", fix="write for instance 7,7")
        for name, least in (("batch", 1), ("points", MIN_POINTS), ("seed", 0), ("resize", 1)):
            number = getattr(self, name)
            if number is not None and number < least:
                raise UsageError(f"{number} was given", where=f"--{name}", fix=f"give {least} or more")
        if self.colour is not None and self.project is None:
            raise UsageError("colours a drawing, and none is made", where="--colour", fix="pass --project tsne or umap")

    def check_of_scan(self) -> None:
        """Raise UsageError where an option belongs to a manifest."""
        self._refuse(_OF_COHORT, "one scan was given", "name a manifest, see vesalius cohort build")

    def check_of_cohort(self) -> None:
        """Raise UsageError where an option belongs to a single scan."""
        self._refuse(_OF_SCAN, "a manifest was given", "name one scan")

    def _refuse(self, names: Sequence[str], what: str, fix: str) -> None:
        for option in fields(self):
            if option.name in names and getattr(self, option.name) != option.default:
                raise UsageError(f"does not apply, {what}", where=f"--{option.name}", fix=fix)
