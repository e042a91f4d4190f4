"""Distances between the surfaces of two label masks, in mm.

The surface of a class consists of its voxels that share a face with another class or with the border of the array. Each
surface voxel of one mask has a distance to the nearest surface voxel of the other, between voxel centres; both
directions are measured. This is the definition of MONAI's `compute_hausdorff_distance` and
`compute_average_surface_distance` (symmetric). A class that a mask does not hold has no surface: NaN.

Only surface voxels enter a search tree, so the time depends on the surfaces, not on the size of the array.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import binary_erosion, find_objects
from scipy.spatial import KDTree

from vesalius.metrics.overlap import label_pair, labels_of

_PERCENT = 95
_LEAF = 32


@dataclass(frozen=True)
class SurfaceDistance:
    """Distance of two surfaces.

    Args:
        hd95_mm: 95 % Hausdorff distance: the larger of the 95th percentiles (linear between ranks) of both directions.
        average_mm: mean over the surface voxels of both masks.
    """

    hd95_mm: float
    average_mm: float


def surface_distances(
    predicted: ArrayLike,
    reference: ArrayLike,
    spacing_mm: Sequence[float],
    classes: Iterable[int] | None = None,
) -> dict[int, SurfaceDistance]:
    """Distances of each class.

    Args:
        predicted: labels, any number of axes.
        reference: labels of the same shape.
        spacing_mm: distance of voxel centres along each axis.
        classes: labels to measure; by default those that either mask holds, without 0.

    Returns:
        label -> distances; NaN where one of the masks does not hold the class.

    Raises:
        ValueError: the shapes differ, values are not whole numbers, a spacing is not positive, or one is missing.

    Example:
        >>> predicted, reference = np.zeros((2, 6, 6), int)
        >>> predicted[1:4, 1:4], reference[1:4, 1:5] = 1, 1
        >>> surface_distances(predicted, reference, spacing_mm=(1.0, 1.5))[1].hd95_mm
        1.5
    """
    found, truth = label_pair(predicted, reference)
    spacing = np.asarray(spacing_mm, dtype=np.float64)
    if spacing.shape != (found.ndim,) or not (np.isfinite(spacing) & (spacing > 0)).all():
        raise ValueError(f"spacing {tuple(spacing_mm)} for {found.ndim} axes")
    wanted = labels_of(found, truth) if classes is None else tuple(classes)
    return {label: _distance(found == label, truth == label, spacing) for label in wanted}


def _distance(found: NDArray[np.bool_], truth: NDArray[np.bool_], spacing: NDArray[np.float64]) -> SurfaceDistance:
    if not found.any() or not truth.any():
        return SurfaceDistance(math.nan, math.nan)
    (box,) = find_objects((found | truth).astype(np.uint8))
    surfaces = (mask & ~binary_erosion(mask) for mask in (found[box], truth[box]))  # voxels with a face outside
    points, others = (np.argwhere(surface) * spacing for surface in surfaces)
    forth, back = _nearest(points, others), _nearest(others, points)
    hd95 = max(np.percentile(forth, _PERCENT), np.percentile(back, _PERCENT))
    return SurfaceDistance(float(hd95), float(np.concatenate([forth, back]).mean()))


def _nearest(points: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of each point to the nearest of the others."""
    tree = KDTree(others, leafsize=_LEAF, balanced_tree=False, compact_nodes=False)  # built once, used once
    distances: NDArray[np.float64] = tree.query(points)[0]
    return distances
