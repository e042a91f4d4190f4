"""Options of `vesalius evaluate masks --generated`. Imports little, so that help starts fast."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

from vesalius.arguments import checked_fields
from vesalius.errors import UsageError

Quick = Literal["red", "saturation", "brightness"]


@checked_fields
@dataclass(frozen=True)
class StructureOptions:
    """Generated pictures against the masks that they were made from.

    Raises:
        UsageError: options that do not go together.
    """

    generated: Path | None = field(
        default=None,
        metadata={
            "help": "Instead of PREDICTED and REFERENCE: generated pictures with the masks that they were made from; "
            "does a judge find these masks in them?",
            "flag": "--generated MANIFEST",
        },
    )
    judge: str | None = field(
        default=None,
        metadata={
            "help": "With --generated: a segmenter of pictures that was trained on real pictures only.",
            "flag": "--judge MODEL",
        },
    )
    real: Path | None = field(
        default=None,
        metadata={
            "help": "With --generated: real pictures with masks that neither model saw: the judge's ceiling.",
            "flag": "--real MANIFEST",
        },
    )
    quick: Quick | None = field(
        default=None,
        metadata={"help": "With --generated: a threshold of redness, saturation or brightness instead of a judge."},
    )
    by: str | None = field(
        default=None,
        metadata={"help": "With --generated: fact whose values are measured apart, too.", "flag": "--by FACT"},
    )
    judge_size: tuple[int, int] | None = field(
        default=None,
        metadata={
            "help": "With --generated: rows and columns at which the judge sees all pictures, by default those of most "
            "generated pictures.",
            "flag": "--judge-size J,I",
            "example": "128,128",
        },
    )

    def __post_init__(self) -> None:
        if self.generated is None:
            for option in fields(self):
                if getattr(self, option.name) is not None:
                    what = "applies to generated pictures, and none are named"
                    raise UsageError(what, where=f"--{option.name.replace('_', '-')}", fix="pass --generated MANIFEST")
            return
        if (self.judge is None) == (self.quick is None):
            raise UsageError("either a judge or a quick method finds masks", where="--judge", fix="name one of them")
        if self.real is None:
            what = "without real pictures the ceiling of the judge is unknown, and its Dice means nothing"
            raise UsageError(what, where="--real", fix="name a manifest of real test pictures with masks")
        if self.judge_size is not None and (len(self.judge_size) != 2 or min(self.judge_size) < 8):
            raise UsageError("is not a number of rows and columns from 8 on", where="--judge-size", fix="write 128,128")
