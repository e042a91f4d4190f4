"""What a user decides where a file leaves a choice open; by default every file is read as it states."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Orientation = Literal["axial", "coronal", "sagittal"]
SpacingFrom = Literal["sform", "pixdim"]


@dataclass(frozen=True)
class Reading:
    """Choices for opening a scan.

    Each value only matters to files that leave the choice open; a reader ignores what its format does not know.

    Args:
        series: DICOM SeriesInstanceUID, or its end, where a folder holds several.
        orientation: the planes to keep where one series holds several orientations.
        assume_rescale: (slope, intercept) for DICOM frames that state none that can be used while others of their stack
            do, and for CT that states none at all.
        spacing_from: which spacing of a NIfTI header to trust where sform and pixdim disagree.
    """

    series: str | None = None
    orientation: Orientation | None = None
    assume_rescale: tuple[float, float] | None = None
    spacing_from: SpacingFrom | None = None

    def stated(self) -> dict[str, Any]:
        """The choices that were made, JSON-able: what keys of caches and records of runs must hold."""
        return {name: value for name, value in asdict(self).items() if value is not None}


AS_STATED = Reading()
