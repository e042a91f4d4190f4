"""Interpolation: separable linear maps along one axis, and arbitrary places over several.

Letters: C channel, T time, I J K voxel axes.
"""

from __future__ import annotations

import itertools
import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vesalius.transforms.arrays import Array, as_index, full, matched, picked

Matrix = NDArray[np.float64]
Outside = float | Literal["edge"]
"""Value beyond the outer edges of the outermost voxels; "edge": that of the nearest voxel."""

_ROWS = 32
"""Samples that are computed at once: their sources lie close together, and the rest of the axis is skipped."""
_POINTS = 1 << 18
"""Places that are sampled at once."""
_ROUNDING = 1e-6
"""A place this close to a border counts as on it."""


def along(x: Array, axis: int, matrix: Matrix) -> Array:
    """Map `axis` of x by `matrix` (new length, old length), whose weights lie about a diagonal."""
    new, old = matrix.shape
    before, after = math.prod(x.shape[:axis]), math.prod(x.shape[axis + 1 :])
    lines = x.reshape(before, old, after)
    out = full(x, (before, new, after), 0)
    for first in range(0, new, _ROWS):
        rows = matrix[first : first + _ROWS]
        used = np.flatnonzero(rows.any(axis=0))
        if not used.size:
            continue
        low, high = int(used[0]), int(used[-1]) + 1
        weights = matched(rows[:, low:high], x)
        if after == 1:
            out[:, first : first + _ROWS, 0] = lines[:, low:high, 0] @ weights.T
        else:
            out[:, first : first + _ROWS] = weights @ lines[:, low:high]
    return out.reshape(*x.shape[:axis], new, *x.shape[axis + 1 :])


def resize_matrix(old: int, new: int, reach: int) -> Matrix:
    """Return weights that resize an axis of `old` voxels, the field of view kept, averaging where it shrinks.

    `reach` is 1 for linear, 2 for cubic interpolation (Keys, a = -0.5).
    """
    step = old / new
    blur = max(step, 1.0)
    centers = (np.arange(new) + 0.5) * step - 0.5
    distance = np.abs(np.arange(old) - centers[:, None]) / blur
    weights = np.clip(1 - distance, 0, None) if reach == 1 else _cubic(distance)
    matrix: Matrix = weights / weights.sum(axis=1, keepdims=True)
    return matrix


def nearest_index(old: int, new: int) -> NDArray[np.intp]:
    """Return the voxel nearest to the center of each new one."""
    return np.minimum(np.floor((np.arange(new) + 0.5) * (old / new)), old - 1).astype(np.intp)


def blur_matrix(size: int, sigma: float) -> Matrix:
    """Return weights of a Gaussian of `sigma` voxels, cut off at 4 sigma; the outermost voxels are repeated."""
    radius = max(1, math.ceil(4 * sigma))
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    matrix = np.zeros((size, size))
    places = np.clip(np.arange(size)[:, None] + offsets, 0, size - 1)
    np.add.at(matrix, (np.arange(size)[:, None], places), weights / weights.sum())
    return matrix


def spline_matrix(size: int, spans: int) -> Matrix:
    """Return uniform cubic B-splines at `size` voxels; `spans` intervals, spans + 3 control points."""
    places = (np.arange(size) + 0.5) / size * spans
    span = np.minimum(places.astype(np.intp), spans - 1)
    s = places - span
    basis = np.stack([(1 - s) ** 3, 3 * s**3 - 6 * s**2 + 4, -3 * s**3 + 3 * s**2 + 3 * s + 1, s**3], axis=1) / 6
    matrix = np.zeros((size, spans + 3))
    matrix[np.arange(size)[:, None], span[:, None] + np.arange(4)] = basis
    return matrix


def at(x: Array, axes: tuple[int, ...], places: list[NDArray[np.float64]], outside: Outside, *, order: int) -> Array:
    """Sample x at arbitrary places over some of its axes.

    Args:
        x: any array; floating for order 1.
        axes: neighbouring axes in ascending order.
        places: for each axis the voxel coordinate of every new sample; their shape is that of the new axes.
        outside: value of samples that lie outside.
        order: 1 linear, 0 nearest (half way up).
    """
    sizes = tuple(x.shape[axis] for axis in axes)
    before, after = x.shape[: axes[0]], x.shape[axes[-1] + 1 :]
    lines = x.reshape(math.prod(before), math.prod(sizes), math.prod(after))
    shape = places[0].shape
    flat = [place.reshape(-1) for place in places]
    out = full(x, (lines.shape[0], flat[0].size, lines.shape[2]), 0)
    step = max(1, _POINTS // max(1, lines.shape[0] * lines.shape[2]))
    for first in range(0, flat[0].size, step):
        part = [place[first : first + step] for place in flat]
        out[:, first : first + step] = _sampled(lines, sizes, part, outside, order)
    return out.reshape(*before, *shape, *after)


def _sampled(
    lines: Array, sizes: tuple[int, ...], places: list[NDArray[np.float64]], outside: Outside, order: int
) -> Array:
    clipped = [np.clip(place, 0, size - 1) for place, size in zip(places, sizes, strict=True)]
    if order == 0:
        nearest = [np.floor(place + 0.5).astype(np.intp) for place in clipped]
        values = picked(lines, 1, _flat(nearest, sizes))
    else:
        values = _linear(lines, sizes, clipped)
    if outside == "edge":
        return values
    beyond = np.zeros(places[0].shape, dtype=bool)
    for place, size in zip(places, sizes, strict=True):
        beyond |= (place < -0.5 - _ROUNDING) | (place > size - 0.5 + _ROUNDING)
    if beyond.any():
        values[:, as_index(beyond, lines)] = outside
    return values


def _linear(lines: Array, sizes: tuple[int, ...], places: list[NDArray[np.float64]]) -> Array:
    lows = [np.minimum(place.astype(np.intp), max(size - 2, 0)) for place, size in zip(places, sizes, strict=True)]
    shares = [matched(place - low, lines)[:, None] for place, low in zip(places, lows, strict=True)]
    base = _flat(lows, sizes)
    strides = [math.prod(sizes[n + 1 :]) if size > 1 else 0 for n, size in enumerate(sizes)]
    # Neighbours along the last axis are mixed first, then along the one before, and so on.
    parts = [
        picked(lines, 1, base + sum(stride * up for stride, up in zip(strides, corner, strict=True)))
        for corner in itertools.product((0, 1), repeat=len(sizes))
    ]
    for share in reversed(shares):
        parts = [low * (1 - share) + high * share for low, high in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


def _flat(index: list[NDArray[np.intp]], sizes: tuple[int, ...]) -> NDArray[np.intp]:
    flat = index[0]
    for number, size in zip(index[1:], sizes[1:], strict=True):
        flat = flat * size + number
    return flat


def _cubic(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return np.where(distance < 1, near, np.where(distance < 2, far, 0.0))
