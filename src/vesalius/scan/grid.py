"""The grid that a slice stack can be resampled to, and where its slices lie in it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import GeometryError
from vesalius.scan.stack import GAP_TOLERANCE_MM, SliceStack

PERPENDICULAR = 1e-3
"""Largest cosine between two axes that still counts as a right angle."""
EDGE_PIXELS = 1e-6
"""A sample this far outside the outermost pixel centres counts as on them (rounding)."""

SliceValues = Callable[[int], NDArray[np.floating]]
"""Returns the real values (float64) of slice k; called only for slices that share a position."""


class StackGrid:
    """An orthogonal grid around all slices of a parallel stack; see `vesalius.scan.resample.to_grid`.

    Attributes:
        slices: the slices to sample, one of each position, in the direction of the normal.
        shape: voxels (I, J, K) of the grid.
        affine: its 4x4 affine, (i, j, k) to RAS+ mm of the voxel centre.
        first_i, first_j: first pixel of the grid in pixels of the first slice.
        shift_i, shift_j: offset of each slice from the first, in pixels.

    Raises:
        GeometryError: slices that are not parallel or not rectangular, or that differ at one position.
    """

    def __init__(self, stack: SliceStack, columns: int, rows: int, slice_values: SliceValues) -> None:
        if not stack.is_parallel:
            raise GeometryError("no grid can be made: the slices differ in orientation or pixel spacing")
        upward = range(len(stack))
        if stack.heights_mm[-1] < stack.heights_mm[0]:
            upward = upward[::-1]
            down = slice(None, None, -1)
            stack = SliceStack(
                stack.origins_K3[down], stack.steps_i_K3[down], stack.steps_j_K3[down], stack.thickness_mm
            )
        kept = _one_of_each_position(stack, lambda n: slice_values(upward[n]))
        step_i, step_j = stack.steps_i_K3[0], stack.steps_j_K3[0]
        lengths = np.linalg.norm(step_i), np.linalg.norm(step_j)
        if abs(step_i @ step_j) > PERPENDICULAR * lengths[0] * lengths[1]:
            raise GeometryError("no grid can be made: rows and columns of the slices are not perpendicular")
        offsets = stack.origins_K3[kept] - stack.origins_K3[kept[0]]
        self.slices = [upward[n] for n in kept]
        self.shift_i = offsets @ step_i / lengths[0] ** 2
        self.shift_j = offsets @ step_j / lengths[1] ** 2
        self._heights = offsets @ stack.normal
        self.first_i, size_i = _extent(self.shift_i, columns)
        self.first_j, size_j = _extent(self.shift_j, rows)
        reach = float(self._heights[-1])
        steps = max(1, round(reach / float(np.median(np.diff(self._heights))))) if len(kept) > 1 else 0
        self._step_k = reach / steps if steps else stack.thickness_mm or 1.0
        self.shape = (size_i, size_j, steps + 1)
        self.affine = np.eye(4)
        self.affine[:3, 0], self.affine[:3, 1] = step_i, step_j
        self.affine[:3, 2] = stack.normal * self._step_k
        self.affine[:3, 3] = stack.origins_K3[kept[0]] + self.first_i * step_i + self.first_j * step_j

    def neighbours(self, k: int) -> list[tuple[int, float]]:
        """Return the entries of `slices` around grid plane `k` with their weights: one on a slice, else two."""
        height = k * self._step_k
        after = int(np.searchsorted(self._heights, height))
        for near in (after - 1, after):
            if 0 <= near < len(self._heights) and abs(self._heights[near] - height) < 1e-6:
                return [(near, 1.0)]
        weight = (height - self._heights[after - 1]) / (self._heights[after] - self._heights[after - 1])
        return [(after - 1, 1.0 - float(weight)), (after, float(weight))]


def _one_of_each_position(stack: SliceStack, slice_values: SliceValues) -> list[int]:
    kept = [0]
    for k in range(1, len(stack)):
        if stack.heights_mm[k] - stack.heights_mm[kept[-1]] > GAP_TOLERANCE_MM:
            kept.append(k)
            continue
        apart = np.linalg.norm(stack.origins_K3[k] - stack.origins_K3[kept[-1]])
        first, second = slice_values(kept[-1]), slice_values(k)
        if apart > GAP_TOLERANCE_MM or not np.array_equal(first, second, equal_nan=True):
            raise GeometryError(f"no grid can be made: slices {kept[-1]} and {k} share a position and differ")
    return kept


def _extent(shifts: NDArray[np.float64], size: int) -> tuple[int, int]:
    """Return the first pixel and the number of pixels, on the first slice's positions, that cover all slices."""
    first = math.floor(shifts.min() + EDGE_PIXELS)
    last = math.ceil(shifts.max() - EDGE_PIXELS) + size - 1
    return first, last - first + 1
