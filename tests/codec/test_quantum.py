import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.scans import scan_of
from vesalius.codec.survey import survey
from vesalius.codec.tiers import bounded_step
from vesalius.scan.intensity import Intensity


def step_for(stored, error, slope=1.0, inter=0.0):
    scan = scan_of(np.asarray(stored).reshape(1, 1, 1, 1, -1), intensity=Intensity.linear(slope, inter))
    return bounded_step(scan, survey(scan), error)


def test_integers_without_scaling():
    values = np.arange(-100, 100, dtype=np.int16)
    assert [step_for(values, error) for error in (0.5, 1, 1.9, 5, 7.99)] == [None, 3.0, 3.0, 11.0, 15.0]


def test_a_bound_beyond_the_range_asks_for_no_more_than_the_range():
    assert step_for(np.array([3, 10], dtype=np.uint8), 1e308) == 15.0
    assert step_for(np.array([0.0, 10.0]), 1e308) == pytest.approx(20.0, rel=1e-5)


@pytest.mark.parametrize("slope", [0.5, -0.25, float(np.float32(0.1)), 3.0])
def test_exact_scalings_lose_nothing(slope):
    values = np.arange(1000, dtype=np.int16)
    assert step_for(values, 7 * abs(slope), slope, -1024.0) == 15.0


def test_rounding_of_real_values_takes_a_step_away():
    assert 0.1 * 12 - 0.1 * 7 > 0.5  # five steps of 0.1 are more than 0.5
    assert step_for(np.arange(100, dtype=np.int16), 0.5, 0.1) == 9.0
    assert step_for(np.arange(100, dtype=np.int16), 0.51, 0.1) == 11.0


def test_only_lossless_keeps_some_bounds():
    assert step_for(np.array([1e5, 2e5], dtype=np.float32), 0.01) is None
    assert step_for(np.array([1.0, 2.0]), 1e-16) is None
    assert step_for(np.array([0, 2**62], dtype=np.int64), 100) is None
    assert step_for(np.array([-1.7e308, 1.7e308]), 1e300) is None
    assert step_for(np.array([1, 2], dtype=np.int16), 5, slope=0.0) is None
    assert step_for(np.array([4, 4], dtype=np.int16), 5) is None


def test_the_largest_slope_counts():
    scan = scan_of(
        np.arange(12, dtype=np.int16).reshape(1, 2, 1, 3, 2),
        intensity=Intensity(np.array([[1.0, 2.0], [4.0, 1.0]]), np.zeros((2, 2))),
    )
    assert bounded_step(scan, survey(scan), 9.0) == 5.0


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["i2", "u2", "i4"]),
    st.integers(0, 2**32 - 1),
    st.floats(1e-3, 1e3),
    st.floats(-1e4, 1e4),
    st.floats(1e-3, 1e5),
)
def test_no_pair_within_half_a_step_differs_by_more_in_real_values(code, seed, slope, inter, error):
    rng = np.random.default_rng(seed)
    stored = rng.integers(-30000 if code != "u2" else 0, 30000, 50).astype(code)
    step = step_for(stored, error, slope, inter)
    if step is None:
        assert error < slope * 1.01
        return
    assert step % 2 == 1
    most = int(step - 1) // 2
    moved = stored + rng.choice([-most, most], 50)
    real, moved = stored * slope + inter, moved * slope + inter
    assert np.abs(real - moved).max() <= error
    used = (most + 1.01) * Fraction(slope)
    assert used >= Fraction(error) or most >= math.ceil(float(stored.max()) - float(stored.min()))


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(["f2", "f4", "f8"]), st.integers(0, 2**32 - 1), st.floats(1e-6, 1e3))
def test_floats_keep_the_bound_after_rounding_to_their_type(code, seed, error):
    stored = np.random.default_rng(seed).normal(0, 300, 50).astype(code)
    step = step_for(stored, error)
    if step is None:
        assert error <= 12 * np.spacing(np.abs(stored).max())
        return
    low = float(stored.min())
    restored = (low + step * np.rint((stored.astype(np.float64) - low) / step)).astype(code)
    assert np.abs(restored.astype(np.float64) - stored.astype(np.float64)).max() <= error
