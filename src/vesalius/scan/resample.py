"""Making a grid: one orthogonal grid from a slice stack, another spacing on the same axes, or another scan's grid.

All interpolate linearly and reproduce linear ramps exactly. Neither filters before sampling, so a much coarser
spacing aliases. Results are real values in float32 (nearest keeps the stored values), held in memory.

Letters: C channel, T time, I J K voxel axes.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import GeometryError, UsageError, VesaliusError
from vesalius.memory import check_memory
from vesalius.scan.geometry import Affine, check_affine, spacing_mm
from vesalius.scan.intensity import Intensity
from vesalius.scan.part import PartPixels
from vesalius.scan.pixels import ArrayPixels
from vesalius.scan.scan import Scan
from vesalius.scan.stack import GAP_TOLERANCE_MM, SliceStack

Interpolation = Literal["linear", "nearest"]

_PERPENDICULAR = 1e-3
"""Largest cosine between rows and columns of a slice that still counts as a right angle."""
_LINEAR_BYTES = 48
"""Held for each voxel while one frame is sampled: six arrays of float64."""
_MOST_VOXELS = 2.0**62
"""Along an axis; such a grid fits into no memory."""
_EDGE_PIXELS = 1e-6
"""A sample this far outside the outermost pixel centres counts as on them (rounding)."""


def to_grid(scan: Scan) -> Scan:
    """One orthogonal grid from a stack of parallel slices that are tilted or unevenly spaced.

    The in-plane axes and spacings are those of the slices; k runs along their normal. The step along k is the median
    gap, changed slightly where needed so that a whole number of steps reaches from the first to the last slice.
    The in-plane field is the union of all slices' fields, on the pixel positions of the first slice. A grid voxel
    lies between two slices: it is sampled bilinearly in each of them, and the two samples are weighted by distance
    along the normal. Where one of the two does not reach, the voxel gets the smallest real value of the scan (air, or
    the padding value of the file).

    Slices at one position are merged if their pixels are equal. A scan that has a grid is returned as it is.

    Raises:
        GeometryError: no geometry, slices that are not parallel or not rectangular, or slices that differ at one
            position.
    """
    stack = scan.geometry
    if stack is None:
        raise GeometryError("the file states no geometry, so no grid can be made")
    if not isinstance(stack, SliceStack) or stack.grid_problem is None:
        return scan
    if not stack.is_parallel:
        raise GeometryError("no grid can be made: the slices differ in orientation or pixel spacing")
    reason = stack.grid_problem
    scan, stack = _upward(scan, stack)
    kept = _merge_duplicates(scan, stack)
    frame = _Frame(stack, kept, scan.shape[2], scan.shape[3])
    samples, times, _, _, _ = scan.shape
    check_memory(4 * samples * times * math.prod(frame.shape))
    grid = np.empty((samples, times, *frame.shape), dtype=np.float32)
    outside = _minimum(scan)
    for t in range(times):
        _fill(grid[:, t], scan, t, frame, outside)
    return replace(
        scan,
        pixels=ArrayPixels(grid),
        geometry=check_affine(frame.affine),
        intensity=Intensity(unit=scan.intensity.unit),
        problems=(*scan.problems, f"resampled to one grid because {reason}"),
        native=None,
    )


def can_be_resampled(scan: Scan) -> bool:
    """True where `to_grid` makes a grid of a stack; reads the slices that share a position."""
    stack = scan.geometry
    if not isinstance(stack, SliceStack) or not stack.is_parallel:
        return False
    scan, stack = _upward(scan, stack)
    try:
        _Frame(stack, _merge_duplicates(scan, stack), scan.shape[2], scan.shape[3])
    except VesaliusError:
        return False
    return True


def regrid(scan: Scan, spacing: tuple[float, float, float], interpolation: Interpolation = "linear") -> Scan:
    """The scan on the same axes with another spacing.

    The field of view (outer edges of the outermost voxels) keeps its centre; its length becomes the nearest whole
    number of new voxels. Samples beyond the outermost voxel centres take the value of the edge.

    Args:
        scan: a scan with a grid.
        spacing: new distance between voxel centres along i, j, k in mm.
        interpolation: "linear" on real values (float32), or "nearest" on stored values (labels).

    Raises:
        GeometryError: the scan has no grid.
        UsageError: a spacing that is not positive, or linear interpolation of palette indices.
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
    places = [first + scale * np.arange(new) for first, new, scale in zip(firsts, sizes, scales, strict=True)]
    places = [np.clip(place, 0, old - 1) for place, old in zip(places, scan.shape[2:], strict=True)]
    matrix = affine.copy()
    matrix[:3, :3] = affine[:3, :3] * scales
    matrix[:3, 3] = affine[:3, :3] @ firsts + affine[:3, 3]
    if interpolation == "nearest":
        array, intensity = _nearest(scan, places)
    else:
        array, intensity = _linear(scan, places), Intensity(unit=scan.intensity.unit)
    return replace(scan, pixels=ArrayPixels(array), geometry=check_affine(matrix), intensity=intensity, native=None)


def onto(
    array_CIJK: NDArray[np.floating], affine: Affine, shape_IJK: tuple[int, int, int], target: Affine
) -> NDArray[np.float32]:
    """Values of one grid at the voxels of another whose axes are parallel to its own, in any order and direction.

    Interpolates linearly; beyond the outermost voxel centres the value of the edge.

    Args:
        array_CIJK: the values.
        affine: of their grid.
        shape_IJK: voxels of the other grid.
        target: affine of the other grid.

    Raises:
        GeometryError: the axes are not parallel.
    """
    between = np.linalg.inv(affine) @ target
    scales = between[:3, :3]
    sources = [int(np.argmax(np.abs(column))) for column in scales.T]
    crooked = np.abs(scales).sum() - sum(abs(scales[source, axis]) for axis, source in enumerate(sources))
    if sorted(sources) != [0, 1, 2] or crooked > _PERPENDICULAR * np.abs(scales).sum():
        raise GeometryError("the axes of the two grids are not parallel")
    turned = array_CIJK.transpose(0, *(1 + source for source in sources))
    for axis, source in enumerate(sources):
        places = between[source, 3] + scales[source, axis] * np.arange(shape_IJK[axis])
        places = np.clip(places, 0, turned.shape[axis + 1] - 1)
        whole = np.rint(places)
        if np.abs(places - whole).max(initial=0) < _EDGE_PIXELS:
            turned = turned.take(whole.astype(np.intp), axis + 1)
        else:
            turned = _sample(turned, axis + 1, places, np.nan).astype(np.float32)
    return np.ascontiguousarray(turned, np.float32)


class _Frame:
    """The grid that `to_grid` fills, and where the slices lie in it."""

    def __init__(self, stack: SliceStack, kept: list[int], columns: int, rows: int) -> None:
        step_i, step_j = stack.steps_i_K3[0], stack.steps_j_K3[0]
        lengths = np.linalg.norm(step_i), np.linalg.norm(step_j)
        if abs(step_i @ step_j) > _PERPENDICULAR * lengths[0] * lengths[1]:
            raise GeometryError("no grid can be made: rows and columns of the slices are not perpendicular")
        offsets = stack.origins_K3[kept] - stack.origins_K3[kept[0]]
        self.slices = kept
        self.shift_i = offsets @ step_i / lengths[0] ** 2
        self.shift_j = offsets @ step_j / lengths[1] ** 2
        self.heights = offsets @ stack.normal
        self.first_i, size_i = _extent(self.shift_i, columns)
        self.first_j, size_j = _extent(self.shift_j, rows)
        reach = float(self.heights[-1])
        steps = max(1, round(reach / float(np.median(np.diff(self.heights))))) if len(kept) > 1 else 0
        self.step_k = reach / steps if steps else stack.thickness_mm or 1.0
        self.shape = (size_i, size_j, steps + 1)
        self.affine = np.eye(4)
        self.affine[:3, 0], self.affine[:3, 1] = step_i, step_j
        self.affine[:3, 2] = stack.normal * self.step_k
        self.affine[:3, 3] = stack.origins_K3[kept[0]] + self.first_i * step_i + self.first_j * step_j

    def between(self, k: int) -> list[tuple[int, float]]:
        """The slices around grid plane `k` with their weights: one where the plane meets a slice, else two."""
        height = k * self.step_k
        after = int(np.searchsorted(self.heights, height))
        for near in (after - 1, after):
            if 0 <= near < len(self.heights) and abs(self.heights[near] - height) < 1e-6:
                return [(near, 1.0)]
        weight = (height - self.heights[after - 1]) / (self.heights[after] - self.heights[after - 1])
        return [(after - 1, 1.0 - float(weight)), (after, float(weight))]


def _extent(shifts: NDArray[np.float64], size: int) -> tuple[int, int]:
    """First pixel and number of pixels, on the first slice's positions, that cover all slices."""
    first = math.floor(shifts.min() + _EDGE_PIXELS)
    last = math.ceil(shifts.max() - _EDGE_PIXELS) + size - 1
    return first, last - first + 1


def _fill(grid_CIJK: NDArray[np.float32], scan: Scan, t: int, frame: _Frame, outside: float) -> None:
    """Fill one time frame; each slice is read once and kept while the grid planes beside it are made."""
    ready: dict[int, NDArray[np.floating]] = {}
    for k in range(frame.shape[2]):
        around = frame.between(k)
        for n in [n for n in ready if n < around[0][0]]:
            del ready[n]
        plane = np.zeros(grid_CIJK.shape[:3])
        for n, weight in around:
            if n not in ready:
                ready[n] = _shifted(scan, t, n, frame)
            plane += weight * ready[n]
        grid_CIJK[..., k] = np.where(np.isnan(plane), outside, plane)


def _shifted(scan: Scan, t: int, n: int, frame: _Frame) -> NDArray[np.floating]:
    """Slice `n` sampled at the pixels of the grid, shape (C, I, J) of the grid; NaN where it does not reach."""
    k = frame.slices[n]
    slice_CIJ = scan.values(slice(t, t + 1), slice(k, k + 1), np.float64)[:, 0, :, :, 0]
    for axis, first, shift in ((1, frame.first_i, frame.shift_i[n]), (2, frame.first_j, frame.shift_j[n])):
        places = first - shift + np.arange(frame.shape[axis - 1])
        slice_CIJ = _sample(slice_CIJ, axis, places, reaches_beyond=np.nan)
    return slice_CIJ


def _sample(
    array: NDArray[np.floating], axis: int, places: NDArray[np.floating], reaches_beyond: float
) -> NDArray[np.floating]:
    """Linear samples at fractional positions along one axis; beyond the outermost centres `reaches_beyond`."""
    last = array.shape[axis] - 1
    inside = (places >= -_EDGE_PIXELS) & (places <= last + _EDGE_PIXELS)
    places = np.clip(places, 0, last)
    low = np.minimum(np.floor(places).astype(np.intp), max(last - 1, 0))
    form = [1] * array.ndim
    form[axis] = -1
    weight = (places - low).reshape(form)
    lower = np.take(array, low, axis)
    upper = np.take(array, np.minimum(low + 1, last), axis)
    blend = np.where(weight == 0, lower, np.where(weight == 1, upper, lower * (1 - weight) + upper * weight))
    return np.where(inside.reshape(form), blend, reaches_beyond)


def _linear(scan: Scan, places: list[NDArray[np.floating]]) -> NDArray[np.float32]:
    samples, times = scan.shape[:2]
    out = np.empty((samples, times, *(len(place) for place in places)), dtype=np.float32)
    for t in range(times):
        frame = scan.values(t=slice(t, t + 1), dtype=np.float64)[:, 0]
        for axis, place in enumerate(places):
            frame = _sample(frame, axis + 1, place, np.nan)
        out[:, t] = frame
    return out


def _nearest(scan: Scan, places: list[NDArray[np.floating]]) -> tuple[NDArray[Any], Intensity]:
    """Stored values of the nearest voxels, half way up, with the slopes of their slices."""
    i, j, k = (np.floor(place + 0.5).astype(np.intp) for place in places)
    array = scan.stored().take(i, axis=2).take(j, axis=3).take(k, axis=4)
    intensity = scan.intensity
    if not intensity.is_uniform:
        intensity = replace(intensity, slope_TK=intensity.slope_TK[:, k], inter_TK=intensity.inter_TK[:, k])
    return array, intensity


def _upward(scan: Scan, stack: SliceStack) -> tuple[Scan, SliceStack]:
    """The scan with its slices in the order in which they lie along the normal."""
    if stack.heights_mm[-1] >= stack.heights_mm[0]:
        return scan, stack
    _, t, _, _, k = scan.shape
    stack = replace(
        stack,
        origins_K3=stack.origins_K3[::-1],
        steps_i_K3=stack.steps_i_K3[::-1],
        steps_j_K3=stack.steps_j_K3[::-1],
    )
    pixels = PartPixels(scan.pixels, range(t), range(k - 1, -1, -1))
    intensity = scan.intensity.part(slice(None), slice(None, None, -1))
    return replace(scan, pixels=pixels, geometry=stack, intensity=intensity), stack


def _merge_duplicates(scan: Scan, stack: SliceStack) -> list[int]:
    """The slices to use: one of each position.

    Raises:
        GeometryError: two slices of one height differ in place or pixels.
    """
    kept = [0]
    for k in range(1, len(stack)):
        if stack.heights_mm[k] - stack.heights_mm[kept[-1]] > GAP_TOLERANCE_MM:
            kept.append(k)
            continue
        apart = np.linalg.norm(stack.origins_K3[k] - stack.origins_K3[kept[-1]])
        one, other = (scan.values(k=slice(n, n + 1), dtype=np.float64) for n in (kept[-1], k))
        if apart > GAP_TOLERANCE_MM or not np.array_equal(one, other, equal_nan=True):
            raise GeometryError(f"no grid can be made: slices {kept[-1]} and {k} share a position and differ")
    return kept


def _minimum(scan: Scan) -> float:
    lowest = math.inf
    for k in range(scan.shape[4]):
        values = scan.values(k=slice(k, k + 1), dtype=np.float64)
        finite = values[np.isfinite(values)]
        lowest = min(lowest, float(finite.min())) if finite.size else lowest
    return lowest if math.isfinite(lowest) else 0.0
