"""Rows of motion against slow sums, and what they do not depend on."""

import math

import numpy as np
import pytest

from vesalius.tasks.encode.motion import COMPONENTS, WINDOWS, motion_rows, motion_width

CELLS, PARTS = 17, 70


def heart(row=8, column=8, cells=CELLS, slices=3):
    """Amplitudes (K, R, C, D) of a blob of motion about a cell, and a mean picture that is bright there."""
    draw = np.random.default_rng(0)
    near = np.zeros((slices, cells, cells, PARTS))
    blob = draw.standard_normal((slices, 7, 7, PARTS)) / np.arange(1, PARTS + 1)
    blob += blob[:, ::-1, ::-1]  # symmetric, so its centre is known
    near[:, row - 3 : row + 4, column - 3 : column + 4] = blob
    mean = np.full((slices, 2, cells, cells), 0.2)
    mean[:, 0, row - 2 : row + 3, column - 2 : column + 3] = 0.8
    return near.astype(np.float32), mean.astype(np.float32)


def test_windows_are_weighted_means_about_the_centre_of_motion():
    values, mean = heart()
    rows = motion_rows(values, mean)
    assert rows.shape == (3, motion_width(PARTS)) == (3, WINDOWS * (COMPONENTS + 2))
    weights = np.zeros((WINDOWS, CELLS, CELLS))
    for r in range(CELLS):
        for c in range(CELLS):
            down, right = r - 8, c - 8
            distance, angle = math.hypot(down, right), math.atan2(down, right)
            near, far = max(0, 1 - abs(distance - 2.5) / 2.5), distance / 2.5 - 1 if 2.5 <= distance <= 5 else 0
            weights[0, r, c] = max(0, 1 - distance / 2.5)
            for way in range(4):
                share = max(0, math.cos(angle - way * math.pi / 2)) ** 2 if distance > 0.5 else 0
                weights[1 + way, r, c], weights[5 + way, r, c] = near * share, far * share
    weights /= weights.sum((1, 2), keepdims=True)
    sizes = np.abs(values[..., :COMPONENTS].astype(float))
    logs = np.log(np.einsum("wrc,krcm->kwm", weights, sizes) / sizes.mean() + 0.03)
    np.testing.assert_allclose(rows[:, : WINDOWS * COMPONENTS], (logs - logs.mean()).reshape(3, -1), atol=1e-4)
    bright = np.log(np.einsum("wrc,krc->kw", weights, mean[:, 0].astype(float)) + 0.01)
    at = WINDOWS * COMPONENTS
    np.testing.assert_allclose(rows[:, at : at + WINDOWS], bright - bright.mean(), atol=1e-4)


def test_neither_place_nor_size_nor_sign_of_the_motion_matters():
    here = motion_rows(*heart())
    values, mean = heart(9, 7)
    np.testing.assert_allclose(motion_rows(values, mean), here, atol=0.02)
    np.testing.assert_allclose(motion_rows(-5 * values, mean), motion_rows(values, mean), atol=1e-5)
    assert np.abs(motion_rows(values[..., ::-1].copy(), mean) - here).max() > 1


@pytest.mark.parametrize("cells", [1, 2, 40])
def test_any_size_and_no_motion(cells):
    rows = motion_rows(np.zeros((2, cells, cells, 5), np.float32), np.full((2, 2, cells, cells), 0.5, np.float32))
    assert rows.shape == (2, motion_width(5))
    np.testing.assert_allclose(rows, 0, atol=1e-5)
    moving = np.zeros((1, cells, cells, 5), np.float32)
    moving[0, 0, -1] = 1  # most windows lie outside of the picture
    assert np.isfinite(motion_rows(moving, np.zeros((1, 2, cells, cells), np.float32))).all()
