"""Choices of the user where a file is ambiguous; by default every file is read as it states."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from vesalius.arguments import checked_fields
from vesalius.errors import UsageError

Orientation = Literal["axial", "coronal", "sagittal"]
SpacingFrom = Literal["sform", "pixdim"]


@checked_fields
@dataclass(frozen=True)
class Reading:
    """Choices for opening a scan.

    A choice affects only files that are ambiguous; a reader ignores choices that its format does not know.

    Args:
        series: DICOM SeriesInstanceUID, or its end, where a folder holds several.
        orientation: planes to keep where a series holds several orientations.
        assume_rescale: (slope, intercept) for DICOM frames without a usable statement in a stack where others have one,
            and for CT without any.
        spacing_from: spacing of a NIfTI header to use where sform and pixdim disagree.

    Raises:
        UsageError: a rescaling that is not a nonzero slope and an intercept.

    Example:
        >>> Reading(orientation="axial").stated()
        {'orientation': 'axial'}
    """

    series: str | None = field(
        default=None, metadata={"help": "DICOM series to pick (or the UID's end).", "flag": "--series UID"}
    )
    orientation: Orientation | None = field(
        default=None, metadata={"help": "Planes to keep where a series holds several orientations."}
    )
    assume_rescale: tuple[float, float] | None = field(
        default=None,
        metadata={
            "help": "For DICOM slices that state no usable rescaling while others do, and for CT that states none.",
            "flag": "--assume-rescale SLOPE,INTERCEPT",
            "example": "1,-1024",
        },
    )
    spacing_from: SpacingFrom | None = field(
        default=None, metadata={"help": "Which to trust where sform and pixdim of a NIfTI file disagree."}
    )

    def __post_init__(self) -> None:
        pair = self.assume_rescale
        if pair is not None and not (len(pair) == 2 and pair[0] and all(map(math.isfinite, pair))):
            what = f"{','.join(map(str, pair))} is not a nonzero slope and an intercept"
            raise UsageError(what, where="--assume-rescale", fix="write for instance 1,-1024")

    def stated(self) -> dict[str, Any]:
        """Return the choices that are set, JSON-able: part of every cache key and run record."""
        return {name: value for name, value in asdict(self).items() if value is not None}


AS_STATED = Reading()
