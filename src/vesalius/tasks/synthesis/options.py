"""Options of `vesalius generate`; None stands for the file of settings, else for the usual value.

Imports little, so that help starts fast.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal

from vesalius.arguments import checked_fields
from vesalius.errors import UsageError


@checked_fields
@dataclass(frozen=True)
class GenerateOptions:
    """How pictures are sampled and written.

    Example:
        >>> GenerateOptions(steps=20, size=(64,)).given
        {'steps': 20, 'size': (64, 64)}
    """

    steps: int | None = field(
        default=None, metadata={"help": "Steps from noise to picture; midpoint and heun look twice.  [default: 10]"}
    )
    sampler: Literal["euler", "heun", "midpoint"] | None = field(
        default=None, metadata={"help": "Method of the steps.  [default: midpoint]"}
    )
    guidance: float | None = field(
        default=None, metadata={"help": "Scale of the caption, 1 as learned.", "flag": "--guidance X"}
    )
    mask_guidance: float | None = field(
        default=None, metadata={"help": "Scale of the mask, 1 as learned.", "flag": "--mask-guidance X"}
    )
    interval: tuple[float, ...] | None = field(
        default=None,
        metadata={"help": "Times at which guidance applies, 0 is noise.", "flag": "--interval A,B", "example": "0,0.8"},
    )
    seed: int | None = field(
        default=None, metadata={"help": "Of the noise; further pictures take further seeds.  [default: 0]"}
    )
    size: tuple[int, ...] | None = field(
        default=None,
        metadata={"help": "Rows and columns, or a side.  [default: as trained]", "flag": "--size J,I", "example": "64"},
    )
    area: tuple[float, ...] | None = field(
        default=None,
        metadata={
            "help": "With --from: share of the mask that a picture shows, drawn from A to B.  [default: 1,1]",
            "flag": "--area A,B",
            "example": "0.2,1",
        },
    )
    format: Literal["png", "nii.gz", "dcm"] | None = field(
        default=None, metadata={"help": "Of the files.  [default: png]"}
    )

    @property
    def given(self) -> dict[str, Any]:
        """The options that are given, by name.

        Raises:
            UsageError: not so many numbers as the option takes.
        """
        given = {option.name: getattr(self, option.name) for option in fields(self)}
        given = {name: value for name, value in given.items() if value is not None}
        if len(given.get("size", ())) == 1:
            given["size"] = given["size"] * 2
        for name in ("size", "interval", "area"):
            if len(given.get(name, (0, 0))) != 2:
                raise UsageError(f"takes two numbers, {len(given[name])} were given", where=f"--{name}")
        return given
