"""Choices of the user where a file is ambiguous; by default every file is read as it states."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Orientation = Literal["axial", "coronal", "sagittal"]
SpacingFrom = Literal["sform", "pixdim"]


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

    Example:
        >>> Reading(orientation="axial").stated()
        {'orientation': 'axial'}
    """

    series: str | None = None
    orientation: Orientation | None = None
    assume_rescale: tuple[float, float] | None = None
    spacing_from: SpacingFrom | None = None

    def stated(self) -> dict[str, Any]:
        """Return the choices that are set, JSON-able: part of every cache key and run record."""
        return {name: value for name, value in asdict(self).items() if value is not None}


AS_STATED = Reading()
