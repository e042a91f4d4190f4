"""Measures of a codec besides image quality: rate, motion, and the region of the heart.

Letters: C channel, T time, I J K voxel axes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vesalius.metrics.error import SquaredError

MARGIN_MM = 10.0
"""Margin of the heart region around the masks, on each side."""
_VOXEL_TOLERANCE = 1e-3
"""A margin of 1.000003 voxels is one voxel: files round their spacings."""

Box = tuple[slice, slice, slice]


def ratio(voxels: int, size_bytes: int) -> float:
    """Compression ratio against plain 16-bit storage: 2 bytes x voxels over the bytes of the file."""
    return 2 * voxels / size_bytes


def add_changes(sums: SquaredError, reference_CTIJK: NDArray[Any], restored_CTIJK: NDArray[Any]) -> None:
    """Add the frame-to-frame changes of a slab of slices (all its frames); `sums.rmse` is then the temporal error.

    The temporal error says how wrongly a restored scan moves: the RMS over voxels and pairs of neighbouring frames of
    (restored change - original change), in the unit of the values. It needs a T axis that is time.
    """
    with np.errstate(invalid="ignore"):  # inf - inf
        sums.add(np.diff(reference_CTIJK, axis=1), np.diff(restored_CTIJK, axis=1))


def heart_region(
    masks_IJK: Sequence[ArrayLike], spacing_mm: tuple[float, float, float], margin_mm: float = MARGIN_MM
) -> Box | None:
    """The box of the union of the masks (ED and ES) plus a margin, clipped to the grid.

    Args:
        masks_IJK: label volumes on the scan's grid; every value other than 0 counts.
        spacing_mm: voxel spacing along i, j, k.
        margin_mm: margin on each of the six sides, rounded up to whole voxels.

    Returns:
        Slices along i, j, k; None where no voxel is labelled.

    Raises:
        ValueError: no masks, or masks of different shapes.
    """
    if not masks_IJK:
        raise ValueError("no masks")
    volumes = [np.asarray(mask) != 0 for mask in masks_IJK]
    if len({volume.shape for volume in volumes}) != 1 or volumes[0].ndim != 3:
        raise ValueError("the masks are not volumes (I, J, K) of one shape")
    inside = np.argwhere(np.logical_or.reduce(volumes))
    if not len(inside):
        return None
    margins = [math.ceil(margin_mm / spacing - _VOXEL_TOLERANCE) for spacing in spacing_mm]
    starts = np.maximum(inside.min(axis=0) - margins, 0).tolist()
    stops = np.minimum(inside.max(axis=0) + 1 + margins, volumes[0].shape).tolist()
    i, j, k = map(slice, starts, stops)
    return i, j, k
