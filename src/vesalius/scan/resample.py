"""Resampling: a slice stack to one orthogonal grid, a grid to another spacing, values to another grid.

All interpolate linearly and reproduce linear ramps exactly. None filters before sampling, so a much coarser
spacing aliases. Results are real values in float32 (nearest keeps the stored values), held in memory.

Letters: C channel, T time, I J K voxel axes.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import GeometryError, UsageError
from vesalius.memory import check_memory
from vesalius.scan.geometry import Affine, check_affine, spacing_mm
from vesalius.scan.grid import EDGE_PIXELS, PERPENDICULAR, StackGrid
from vesalius.scan.intensity import Intensity
from vesalius.scan.pixels import ArrayPixels
from vesalius.scan.scan import Scan

Interpolation = Literal["linear", "nearest"]

_LINEAR_BYTES = 48
"""Bytes per voxel while one frame is sampled: six arrays of float64."""
_MOST_VOXELS = 2.0**62
"""Limit along an axis; no memory holds such a grid."""


def to_grid(scan: Scan) -> Scan:
    """Resample a stack of parallel slices that are tilted or unevenly spaced to one orthogonal grid.

    The in-plane axes and spacings are those of the slices; k runs along their normal. The step along k is the median
    gap, changed slightly where needed so that a whole number of steps reaches from the first to the last slice.
    The in-plane field is the union of all slices' fields, on the pixel positions of the first slice. A grid voxel
    lies between two slices: it is sampled bilinearly in each of them, and the two samples are weighted by distance
    along the normal. Outside one of the two, the voxel gets the smallest real value of the scan (air, or
    the padding value of the file).

    Slices at one position are merged if their pixels are equal. A scan that has a grid is returned unchanged.

    Raises:
        GeometryError: no geometry, slices that are not parallel or not rectangular, or slices that differ at one
            position.
    """
    reason = scan.grid_problem
    if reason is None:
        return scan
    target = scan.stack_grid()
    samples, times, _, _, _ = scan.shape
    check_memory(4 * samples * times * math.prod(target.shape))
    grid = np.empty((samples, times, *target.shape), dtype=np.float32)
    outside = _minimum(scan)
    for t in range(times):
        _fill(grid[:, t], scan, t, target, outside)
    return replace(
        scan,
        pixels=ArrayPixels(grid),
        geometry=check_affine(target.affine),
        intensity=Intensity(unit=scan.intensity.unit),
        problems=(*scan.problems, f"resampled to one grid because {reason}"),
        native=None,
    )


def regrid(scan: Scan, spacing: tuple[float, float, float], interpolation: Interpolation = "linear") -> Scan:
    """Resample a scan to another spacing on the same axes.

    The field of view (outer edges of the outermost voxels) keeps its centre; its length becomes the nearest whole
    number of new voxels. Samples beyond the outermost voxel centres take the edge value.

    Args:
        scan: a scan with a grid.
        spacing: new distance between voxel centres along i, j, k in mm.
        interpolation: "linear" on real values (float32), or "nearest" on stored values (labels).

    Raises:
        GeometryError: the scan has no grid.
        UsageError: a spacing that is not positive, or linear interpolation of palette indices.

    Example:
        >>> scan = Scan.from_array(np.zeros((4, 4, 10)), np.diag([1.0, 1.0, 1.0, 1.0]))
        >>> regrid(scan, (2.0, 2.0, 2.5)).shape
        (1, 1, 2, 2, 4)
    """
    if not all(math.isfinite(step) and step > 0 for step in spacing):
        raise UsageError(f"a spacing of {spacing} mm is impossible", fix="give three positive numbers")
    if interpolation == "linear" and scan.colour == "palette":
        raise UsageError("palette indices cannot be interpolated linearly", fix="choose nearest")
    affine = scan.affine
    scales = [new / old for new, old in zip(spacing, spacing_mm(affine), strict=True)]
    sizes = [max(1, round(min(size / scale, _MOST_VOXELS))) for size, scale in zip(scan.shape[2:], scales, strict=True)]
    check_memory(scan.shape[0] * (_LINEAR_BYTES + 4 * scan.shape[1]) * math.prod(sizes), instead="take a wider spacing")
    firsts = [
        (old - 1) / 2 - scale * (new - 1) / 2 for old, new, scale in zip(scan.shape[2:], sizes, scales, strict=True)
    ]
    positions = [first + scale * np.arange(new) for first, new, scale in zip(firsts, sizes, scales, strict=True)]
    positions = [
        np.clip(axis_positions, 0, old - 1) for axis_positions, old in zip(positions, scan.shape[2:], strict=True)
    ]
    matrix = affine.copy()
    matrix[:3, :3] = affine[:3, :3] * scales
    matrix[:3, 3] = affine[:3, :3] @ firsts + affine[:3, 3]
    if interpolation == "nearest":
        array, intensity = _nearest(scan, positions)
    else:
        array, intensity = _linear(scan, positions), Intensity(unit=scan.intensity.unit)
    return replace(scan, pixels=ArrayPixels(array), geometry=check_affine(matrix), intensity=intensity, native=None)


def onto(
    array_CIJK: NDArray[np.floating], affine: Affine, shape_IJK: tuple[int, int, int], target: Affine
) -> NDArray[np.float32]:
    """Sample the values of one grid at the voxels of another grid with parallel axes, in any order and direction.

    Interpolates linearly; beyond the outermost voxel centres the edge value is repeated. `affine` is that of the
    values, `shape_IJK` and `target` are shape and affine of the other grid.

    Raises:
        GeometryError: the axes are not parallel.
    """
    between = np.linalg.inv(affine) @ target
    scales = between[:3, :3]
    sources = [int(np.argmax(np.abs(column))) for column in scales.T]
    off_axis = np.abs(scales).sum() - sum(abs(scales[source, axis]) for axis, source in enumerate(sources))
    if sorted(sources) != [0, 1, 2] or off_axis > PERPENDICULAR * np.abs(scales).sum():
        raise GeometryError("the axes of the two grids are not parallel")
    turned = array_CIJK.transpose(0, *(1 + source for source in sources))
    for axis, source in enumerate(sources):
        positions = between[source, 3] + scales[source, axis] * np.arange(shape_IJK[axis])
        positions = np.clip(positions, 0, turned.shape[axis + 1] - 1)
        whole = np.rint(positions)
        if np.abs(positions - whole).max(initial=0) < EDGE_PIXELS:
            turned = turned.take(whole.astype(np.intp), axis + 1)
        else:
            turned = _sample(turned, axis + 1, positions, np.nan).astype(np.float32)
    return np.ascontiguousarray(turned, np.float32)


def _fill(grid_CIJK: NDArray[np.float32], scan: Scan, t: int, target: StackGrid, outside: float) -> None:
    """Fill one time frame; each slice is read once and kept while the grid planes beside it are computed."""
    ready: dict[int, NDArray[np.floating]] = {}
    for k in range(target.shape[2]):
        neighbours = target.neighbours(k)
        for n in [n for n in ready if n < neighbours[0][0]]:
            del ready[n]
        plane = np.zeros(grid_CIJK.shape[:3])
        for n, weight in neighbours:
            if n not in ready:
                ready[n] = _shifted(scan, t, n, target)
            plane += weight * ready[n]
        grid_CIJK[..., k] = np.where(np.isnan(plane), outside, plane)


def _shifted(scan: Scan, t: int, n: int, target: StackGrid) -> NDArray[np.floating]:
    """Sample slice `n` at the pixels of the grid, shape (C, I, J) of the grid; NaN outside the slice."""
    k = target.slices[n]
    slice_CIJ = scan.values(slice(t, t + 1), slice(k, k + 1), np.float64)[:, 0, :, :, 0]
    for axis, first, shift in ((1, target.first_i, target.shift_i[n]), (2, target.first_j, target.shift_j[n])):
        positions = first - shift + np.arange(target.shape[axis - 1])
        slice_CIJ = _sample(slice_CIJ, axis, positions, outside=np.nan)
    return slice_CIJ


def _sample(
    array: NDArray[np.floating], axis: int, positions: NDArray[np.floating], outside: float
) -> NDArray[np.floating]:
    """Interpolate linearly at fractional positions along one axis; `outside` beyond the outermost centres."""
    last = array.shape[axis] - 1
    inside = (positions >= -EDGE_PIXELS) & (positions <= last + EDGE_PIXELS)
    positions = np.clip(positions, 0, last)
    low = np.minimum(np.floor(positions).astype(np.intp), max(last - 1, 0))
    form = [1] * array.ndim
    form[axis] = -1
    weight = (positions - low).reshape(form)
    lower = np.take(array, low, axis)
    upper = np.take(array, np.minimum(low + 1, last), axis)
    blend = np.where(weight == 0, lower, np.where(weight == 1, upper, lower * (1 - weight) + upper * weight))
    return np.where(inside.reshape(form), blend, outside)


def _linear(scan: Scan, positions: list[NDArray[np.floating]]) -> NDArray[np.float32]:
    samples, times = scan.shape[:2]
    out = np.empty((samples, times, *(len(axis_positions) for axis_positions in positions)), dtype=np.float32)
    for t in range(times):
        frame = scan.values(t=slice(t, t + 1), dtype=np.float64)[:, 0]
        for axis, axis_positions in enumerate(positions):
            frame = _sample(frame, axis + 1, axis_positions, np.nan)
        out[:, t] = frame
    return out


def _nearest(scan: Scan, positions: list[NDArray[np.floating]]) -> tuple[NDArray[Any], Intensity]:
    """Return the stored values of the nearest voxels (halves round up) and the slopes of their slices."""
    i, j, k = (np.floor(axis_positions + 0.5).astype(np.intp) for axis_positions in positions)
    array = scan.stored().take(i, axis=2).take(j, axis=3).take(k, axis=4)
    intensity = scan.intensity
    if not intensity.is_uniform:
        intensity = replace(intensity, slope_TK=intensity.slope_TK[:, k], inter_TK=intensity.inter_TK[:, k])
    return array, intensity


def _minimum(scan: Scan) -> float:
    lowest = math.inf
    for k in range(scan.shape[4]):
        values = scan.values(k=slice(k, k + 1), dtype=np.float64)
        finite = values[np.isfinite(values)]
        lowest = min(lowest, float(finite.min())) if finite.size else lowest
    return lowest if math.isfinite(lowest) else 0.0
