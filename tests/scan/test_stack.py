import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from vesalius.errors import GeometryError
from vesalius.scan.geometry import to_world
from vesalius.scan.stack import SliceStack


def stack(heights, *, tilt_degrees=0.0, turn=None, spacing=(0.5, 0.7), thickness=None):
    """Slices at `heights` along their normal, shifted along j by the tilt, all turned by a rotation."""
    turn = np.eye(3) if turn is None else turn
    heights = np.asarray(heights, dtype=float)
    origins = np.stack([np.zeros_like(heights), heights * np.tan(np.radians(tilt_degrees)), heights], axis=1)
    count = len(heights)
    steps_i = np.tile([spacing[0], 0, 0], (count, 1)) @ turn.T
    steps_j = np.tile([0, spacing[1], 0], (count, 1)) @ turn.T
    return SliceStack((origins + np.array([5, -6, 7])) @ turn.T, steps_i, steps_j, thickness)


@given(st.integers(2, 30), st.floats(0.3, 12), st.integers(0, 10_000))
def test_even_slices_are_a_grid(count, gap, seed):
    turn = Rotation.random(random_state=seed).as_matrix()
    slices = stack(np.arange(count) * gap, turn=turn)
    assert slices.grid_problem is None
    assert len(slices) == count
    affine = slices.affine()
    for k in range(count):
        np.testing.assert_allclose(to_world(affine, [0, 0, k]), slices.origins_K3[k], atol=1e-8)
        expected = slices.origins_K3[k] + 3 * slices.steps_i_K3[k] + 4 * slices.steps_j_K3[k]
        np.testing.assert_allclose(to_world(affine, [3, 4, k]), expected, atol=1e-8)
    np.testing.assert_allclose(slices.gaps_mm, gap, rtol=1e-9)
    assert slices.tilt_degrees == pytest.approx(0, abs=1e-5)
    np.testing.assert_allclose(slices.normal, turn[:, 2], atol=1e-12)


@given(st.floats(1, 40), st.integers(0, 1000))
def test_a_tilt_is_measured_and_told(tilt, seed):
    slices = stack(np.arange(10) * 3.0, tilt_degrees=tilt, turn=Rotation.random(random_state=seed).as_matrix())
    assert slices.tilt_degrees == pytest.approx(tilt, abs=1e-4)
    told = float(re.search(r"at ([\d.]+) degrees", slices.grid_problem)[1])
    assert told == pytest.approx(tilt, abs=0.0501)
    with pytest.raises(GeometryError, match=r"gantry tilt.*--resample"):
        slices.affine()


def test_a_small_tilt_is_rounding():
    assert stack(np.arange(10) * 3.0, tilt_degrees=0.1).grid_problem is None


@given(st.floats(-0.009, 0.009), st.integers(1, 8))
def test_gaps_may_differ_by_a_hundredth(share, which):
    heights = np.arange(10) * 5.0
    heights[which] += 5 * share
    assert stack(heights).grid_problem is None


@pytest.mark.parametrize(
    ("heights", "what"),
    [
        ([0, 1, 2, 3, 5, 6, 7, 8, 9], "1 slice(s) missing between slices 3 and 4"),
        ([0, 1, 2, 3, 6, 7, 8, 9, 10], "2 slice(s) missing between slices 3 and 4"),
        ([0, 4, 8, 9, 10, 17], "uneven (1.00 / 4.00 / 7.00 mm)"),
        ([0, 1, 3, 6, 10, 15, 21], "uneven (1.00 / 2.00 / 3.00 / 4.00 / ... mm)"),
        ([0, 1, 1, 2, 3], "1 duplicate slice position(s), the first at slices 1 and 2"),
        ([0, 0, 1, 1, 2, 2], "3 duplicate slice position(s), the first at slices 0 and 1"),
    ],
)
def test_uneven_missing_and_duplicate_slices(heights, what):
    slices = stack(heights)
    assert what in slices.grid_problem
    with pytest.raises(GeometryError, match="no single grid"):
        slices.affine()


def test_both_reasons_are_told():
    problem = stack([0, 4.22, 5.36, 12.74, 16.96], tilt_degrees=18.5).grid_problem
    assert "18.5 degrees" in problem
    assert "uneven" in problem


def test_duplicates():
    assert stack([0, 1, 1, 2, 2.005]).duplicates == ((1, 2), (3, 4))
    assert stack([0, 1, 2]).duplicates == ()


def test_a_single_slice():
    slices = stack([3.0], thickness=8.0)
    assert slices.grid_problem is None
    assert slices.tilt_degrees == 0
    np.testing.assert_allclose(slices.affine()[:3, 2], [0, 0, 8])
    np.testing.assert_allclose(stack([3.0]).affine()[:3, 2], [0, 0, 1])


@pytest.mark.parametrize("change", ["direction", "spacing", "row", "flip"])
def test_slices_that_are_not_parallel(change):
    slices = stack(np.arange(5) * 2.0)
    steps_i, steps_j = slices.steps_i_K3.copy(), slices.steps_j_K3.copy()
    if change == "direction":
        steps_i[2] = Rotation.from_euler("z", 2, degrees=True).apply(steps_i[2])
    elif change == "spacing":
        steps_i[4] *= 1.01
    elif change == "row":
        steps_j[0] *= 1.01
    else:
        steps_j[3] *= -1
    changed = SliceStack(slices.origins_K3, steps_i, steps_j)
    assert not changed.is_parallel
    assert changed.duplicates == ()
    assert "differ in orientation" in changed.grid_problem


def test_noise_of_headers_is_parallel():
    slices = stack(np.arange(5) * 2.0)
    noise = np.random.default_rng(0).normal(scale=1e-6, size=(5, 3))
    assert SliceStack(slices.origins_K3, slices.steps_i_K3 + noise, slices.steps_j_K3 - noise).grid_problem is None
