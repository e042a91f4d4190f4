"""What a user decides where a file leaves a choice open; by default every file is read as it states."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from vesalius.errors import UsageError

Orientation = Literal["axial", "coronal", "sagittal"]
SpacingFrom = Literal["sform", "pixdim"]


@dataclass(frozen=True)
class Reading:
    """Choices for opening a scan.

    Each value only matters to files that leave the choice open; a reader ignores choices that its format does not know.

    Args:
        series: DICOM SeriesInstanceUID, or its end, where a folder holds several.
        orientation: the planes to keep where one series holds several orientations.
        assume_rescale: (slope, intercept) for DICOM frames that state none that can be used while others of their stack
            do, and for CT that states none at all.
        spacing_from: which spacing of a NIfTI header to trust where sform and pixdim disagree.

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
        """The choices that were made, JSON-able: what keys of caches and records of runs must hold."""
        return {name: value for name, value in asdict(self).items() if value is not None}


AS_STATED = Reading()
