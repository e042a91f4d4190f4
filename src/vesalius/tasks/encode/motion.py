"""A row for each slice of a moving organ, from the amplitudes of its motion in cells: how much moves, how and where.

Amplitudes have either sign and cancel out in a mean; their magnitudes do not. Magnitudes of the first components are
averaged in nine windows about the centre of all motion, which needs no mask: the centre, and four directions at two
distances. The mean picture is averaged in the same windows. Logarithms make the scale of values an offset, which is
taken away.

Letters: K slices, R rows and C columns of cells, D components, M those that are used, W windows, P numbers of a cell of
the mean picture, N numbers of a row.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

COMPONENTS = 64
"""Components that are used at most: the coarse ones, which come first."""
WINDOWS = 9
_KNOTS = (0.0, 2.5, 5.0)
"""Distances from the centre, in cells, at which the windows are highest."""
_DIRECTIONS = 4
_REACH, _STEPS = 12.0, 5
"""Standard deviation, in cells, of the weight by which the centre is found, and steps of its search."""
_FLOOR, _FLOOR_OF_MEAN = 0.03, 0.01
"""What is added before a logarithm: a share of the mean magnitude, and of the range of values."""
Rows = NDArray[np.float32]
Plane = NDArray[np.float64]


def motion_width(components: int) -> int:
    """Return N for tokens of so many components.

    >>> motion_width(256)
    594
    """
    return WINDOWS * (min(components, COMPONENTS) + 2)


def motion_rows(values_KRCD: NDArray[np.float32], mean_KPRC: NDArray[np.float32]) -> Rows:
    """Return rows_KN.

    Args:
        values_KRCD: amplitudes of motion, orthonormal components.
        mean_KPRC: mean and standard deviation (P = 2) of the mean picture in each cell, values from 0 to 1.
    """
    values = values_KRCD.astype(np.float64)
    windows_WRC = _windows(*_centre(np.square(values).sum((0, 3))))
    size_KRCM = np.abs(values[..., :COMPONENTS])
    scale = size_KRCM.mean() or 1.0
    size_KWM = np.log(np.einsum("wrc,krcm->kwm", windows_WRC, size_KRCM) / scale + _FLOOR)
    mean_KPW = np.log(np.einsum("wrc,kprc->kpw", windows_WRC, mean_KPRC.clip(0)) + _FLOOR_OF_MEAN)
    mean_KPW -= mean_KPW.mean((0, 2), keepdims=True)
    numbers = (size_KWM - size_KWM.mean()).reshape(len(values), -1), mean_KPW.reshape(len(values), -1)
    return np.concatenate(numbers, 1).astype(np.float32)


def _centre(energy_RC: Plane) -> tuple[Plane, Plane]:
    """Return rows and columns of all cells, counted from the centre of motion.

    It starts where a wide mean of the motion is highest, and moves to the centre of what lies around it.
    """
    rows_RC, columns_RC = (np.asarray(places_RC, np.float64) for places_RC in np.indices(energy_RC.shape))
    if not energy_RC.any():
        energy_RC = np.ones_like(energy_RC)
    wide_RC = gaussian_filter(energy_RC, _REACH, mode="constant")
    row, column = (float(place) for place in np.unravel_index(int(wide_RC.argmax()), wide_RC.shape))
    for _ in range(_STEPS):
        squared_RC = np.square(rows_RC - row) + np.square(columns_RC - column)
        weight_RC = energy_RC * np.exp(-squared_RC / (2 * _REACH**2))
        weight_RC /= weight_RC.sum()
        row, column = float((weight_RC * rows_RC).sum()), float((weight_RC * columns_RC).sum())
    return rows_RC - row, columns_RC - column


def _windows(rows_RC: Plane, columns_RC: Plane) -> Plane:
    """Return weights_WRC, each with the sum 1; a window outside of the picture weighs all cells alike."""
    distance_RC, angle_RC = np.hypot(rows_RC, columns_RC), np.arctan2(rows_RC, columns_RC)
    rings = [np.interp(distance_RC, _KNOTS, height, right=0.0) for height in np.eye(len(_KNOTS))]
    turns = [math.tau * number / _DIRECTIONS for number in range(_DIRECTIONS)]
    ways = [np.square(np.cos(angle_RC - turn).clip(0)) * (distance_RC > 0.5) for turn in turns]
    weights_WRC = np.stack([rings[0], *(ring * way for ring in rings[1:] for way in ways)])
    weights_WRC[weights_WRC.sum((1, 2)) < np.finfo(np.float32).eps] = 1.0
    return np.asarray(weights_WRC / weights_WRC.sum((1, 2), keepdims=True))
