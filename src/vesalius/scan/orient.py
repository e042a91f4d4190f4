"""Permutes and flips the voxel axes of a scan; values are untouched."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vesalius.errors import UsageError
from vesalius.scan.geometry import Affine, axis_map, check_affine
from vesalius.scan.intensity import Intensity
from vesalius.scan.pixels import ALL, ArrayPixels
from vesalius.scan.scan import Scan

_AXES = {"L": (0, -1), "R": (0, 1), "P": (1, -1), "A": (1, 1), "I": (2, -1), "S": (2, 1)}
"""Letter -> world axis and direction."""


def reorient(scan: Scan, code: str) -> Scan:
    """Return the same voxels with axes that increase in the directions of `code`.

    Each voxel axis is matched with the nearest world axis, so an oblique scan stays oblique: its affine changes by the
    same permutation and flips, and every voxel keeps its exact world position. A scan whose slices have their own
    slopes is converted to real values (float64) where the slice axis moves. The result is held in memory and no longer
    tied to its source file.

    Args:
        scan: a scan with a grid.
        code: three letters such as "RAS": the directions in which i, j and k are to increase.

    Raises:
        UsageError: `code` does not name three different axes.
        GeometryError: the scan has no grid.

    Example:
        >>> scan = Scan.from_array(np.arange(8).reshape(2, 2, 2), np.eye(4))
        >>> turned = reorient(scan, "LPS")
        >>> turned.orientation, turned.stored()[0, 0, :, 0, 0].tolist()
        ('LPS', [6, 2])
    """
    wanted = _parse(code)
    affine = scan.affine
    current = axis_map(affine)
    sources = [next(n for n, (world, _) in enumerate(current) if world == axis) for axis, _ in wanted]
    flips = [current[source][1] != sign for source, (_, sign) in zip(sources, wanted, strict=True)]
    if sources == [0, 1, 2] and not any(flips):
        return scan
    intensity = scan.intensity
    array = scan.stored()
    if not intensity.is_uniform:
        if sources[2] == 2:
            intensity = intensity.part(ALL, slice(None, None, -1)) if flips[2] else intensity
        else:
            array, intensity = scan.values(dtype=np.float64), Intensity(unit=intensity.unit)
    array = array.transpose(0, 1, *(2 + source for source in sources))
    index = tuple(slice(None, None, -1) if flip else slice(None) for flip in flips)
    return replace(
        scan,
        pixels=ArrayPixels(array[(slice(None), slice(None), *index)]),
        geometry=_turned(affine, sources, flips, array.shape[2:]),
        intensity=intensity,
        native=None,
    )


def _parse(code: str) -> list[tuple[int, int]]:
    letters = code.upper()
    wanted = [_AXES[letter] for letter in letters if letter in _AXES]
    if len(letters) != 3 or sorted(axis for axis, _ in wanted) != [0, 1, 2]:
        raise UsageError(f"{code!r} is not an orientation", fix="give one letter each of L/R, P/A and I/S, such as RAS")
    return wanted


def _turned(affine: Affine, sources: list[int], flips: list[bool], shape: tuple[int, ...]) -> Affine:
    """Return the affine of the turned axes; `shape` is that of the permuted array."""
    matrix = np.eye(4)
    origin = affine[:3, 3].copy()
    for axis, (source, flip) in enumerate(zip(sources, flips, strict=True)):
        step = affine[:3, source]
        matrix[:3, axis] = -step if flip else step
        if flip:
            origin += step * (shape[axis] - 1)
    matrix[:3, 3] = origin
    return check_affine(matrix)
