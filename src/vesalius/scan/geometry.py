"""Affine geometry of a scan.

Conventions of the whole package:
convention: world coordinates are RAS+ (x to the patient's Right, y Anterior, z Superior); DICOM's LPS is
    converted on reading by `lps_to_ras`.
corner: the affine gives the *centre* of voxel (0, 0, 0), not its corner.
order: voxel indices are (i, j, k); for DICOM and pictures i is the column and j the row.
unit: millimetre.
equation: world = affine[:3, :3] @ (i, j, k) + affine[:3, 3].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vesalius.errors import GeometryError

Affine = NDArray[np.float64]

_LPS_RAS = np.array([-1.0, -1.0, 1.0])
_AXIS_CODES = (("L", "R"), ("P", "A"), ("I", "S"))


def lps_to_ras(vectors: ArrayLike) -> NDArray[np.float64]:
    """Turn points or directions [..., 3] from DICOM's LPS to RAS+ (or back: it is its own inverse)."""
    return np.asarray(vectors, dtype=np.float64) * _LPS_RAS


def check_affine(affine: ArrayLike) -> Affine:
    """Return a float64 copy of a finite, invertible 4x4 affine.

    Raises:
        GeometryError: wrong shape, non-finite, last row not (0, 0, 0, 1), or singular.
    """
    matrix = np.array(affine, dtype=np.float64)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        raise GeometryError("the affine is not a finite 4x4 matrix")
    if not np.array_equal(matrix[3], [0.0, 0.0, 0.0, 1.0]):
        raise GeometryError("the last row of the affine is not (0, 0, 0, 1)")
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    if (lengths == 0).any() or abs(np.linalg.det(matrix[:3, :3] / np.where(lengths == 0, 1, lengths))) < 1e-6:
        raise GeometryError("the affine is singular: two voxel axes coincide or an axis has no length")
    return matrix


def spacing_mm(affine: Affine) -> tuple[float, float, float]:
    """Return the distance between neighbouring voxel centres along i, j, k in mm.

    Example:
        >>> spacing_mm(np.diag([-1.0, 0.5, 2.5, 1.0]))
        (1.0, 0.5, 2.5)
    """
    i, j, k = np.linalg.norm(affine[:3, :3], axis=0)
    return float(i), float(j), float(k)


def orientation(affine: Affine) -> str:
    """Return three letters: the anatomical directions in which i, j and k increase, e.g. "RAS" or "LPS".

    Each voxel axis is assigned the nearest world axis, one to one.

    Example:
        >>> orientation(np.diag([-1.0, -1.0, 2.5, 1.0]))
        'LPS'
    """
    return "".join(_AXIS_CODES[world_axis][sign > 0] for world_axis, sign in axis_map(affine))


def axis_map(affine: Affine) -> list[tuple[int, int]]:
    """Return (nearest world axis 0..2, sign +1 or -1) for the voxel axes i, j, k, a one-to-one assignment."""
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    left = np.abs(directions)
    nearest: dict[int, int] = {}
    for _ in range(3):
        world_axis, voxel_axis = np.unravel_index(np.argmax(left), (3, 3))
        nearest[int(voxel_axis)] = int(world_axis)
        left[world_axis, :] = -1
        left[:, voxel_axis] = -1
    return [(nearest[axis], 1 if directions[nearest[axis], axis] >= 0 else -1) for axis in range(3)]


def shear_degrees(affine: Affine) -> float:
    """Return the largest departure from a right angle between two voxel axes, in degrees (0: orthogonal)."""
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    cosines = (directions.T @ directions)[np.triu_indices(3, 1)]
    return float(np.degrees(np.arcsin(np.clip(np.abs(cosines).max(), 0, 1))))


def to_world(affine: Affine, voxels: ArrayLike) -> NDArray[np.float64]:
    """Map voxel indices [..., 3] (i, j, k) to world points [..., 3] (RAS+ mm)."""
    return np.asarray(voxels, dtype=np.float64) @ affine[:3, :3].T + affine[:3, 3]
