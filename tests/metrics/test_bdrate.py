import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import pchip_interpolate

from vesalius.metrics.bdrate import Curve, delta_rate, ratio_at_psnr, value_at_ratio

SLOW = Curve.of([10, 25, 80, 300], [44, 39.5, 34, 28])
FAST = Curve.of([8, 30, 70, 250], [43, 38, 33.5, 27])


def psnr_at(curve, ratio):
    return value_at_ratio(curve.ratios, curve.psnr_db, ratio)


def dense_delta_rate(anchor, tested, low, high):
    """The same integral by the trapezoid rule on 200,001 places."""
    db = np.linspace(low, high, 200_001)
    logs = [pchip_interpolate(one.psnr_db, -np.log(one.ratios), db) for one in (anchor, tested)]
    return 100 * (math.exp(np.trapezoid(logs[1] - logs[0], db) / (high - low)) - 1)


def test_delta_rate_agrees_with_dense_integration():
    found = delta_rate(SLOW, FAST)
    assert (found.low_db, found.high_db) == (28, 43)
    assert found.percent == pytest.approx(dense_delta_rate(SLOW, FAST, 28, 43), abs=1e-6)
    assert found.percent > 0


@given(st.floats(0.2, 5))
def test_a_coder_that_needs_a_fixed_share_of_the_bytes(share):
    tested = Curve.of(np.divide(SLOW.ratios, share), SLOW.psnr_db)
    assert delta_rate(SLOW, tested).percent == pytest.approx(100 * (share - 1))
    back = delta_rate(tested, SLOW).percent
    assert (1 + back / 100) * share == pytest.approx(1)


def test_curves_that_hardly_overlap_have_no_delta_rate():
    assert delta_rate(SLOW, Curve.of([1000, 2000], [20, 15])) is None
    assert delta_rate(SLOW, Curve.of([100, 2000], [28.9, 15])) is None
    assert delta_rate(SLOW, Curve.of([100], [30])) is None
    assert delta_rate(Curve.of([], []), SLOW) is None


def test_points_that_cost_more_and_show_no_more_are_left_out():
    curve = Curve.of([100, 50, 40, 30, 30, 5], [30, 35, 34, 36, 33, math.inf])
    assert curve == Curve((100, 50, 30), (30, 35, 36))


def test_readings_between_the_points():
    for ratio, db in zip(SLOW.ratios, SLOW.psnr_db, strict=True):
        assert ratio_at_psnr(SLOW, db) == pytest.approx(ratio)
        assert psnr_at(SLOW, ratio) == pytest.approx(db)
    assert 80 < ratio_at_psnr(SLOW, 30) < 300
    assert ratio_at_psnr(SLOW, 30) == pytest.approx(
        math.exp(-pchip_interpolate(SLOW.psnr_db, -np.log(SLOW.ratios), 30))
    )


def test_a_line_in_log_ratio_is_read_exactly():
    ratios = np.array([10.0, 40, 90, 500])
    line = Curve.of(ratios, 60 - 5 * np.log2(ratios))
    assert psnr_at(line, 64) == pytest.approx(30)
    assert ratio_at_psnr(line, 35) == pytest.approx(32)


@given(st.floats(0.1, 1000))
def test_no_reading_outside_the_measured_range(away):
    assert ratio_at_psnr(SLOW, 44 + away) is None
    assert ratio_at_psnr(SLOW, 28 - away) is None
    assert psnr_at(SLOW, 300 + away) is None
    assert psnr_at(SLOW, 10 / (1 + away)) is None
    assert psnr_at(Curve.of([], []), 10) is None


@given(st.lists(st.tuples(st.floats(1, 1e4), st.floats(10, 60)), min_size=2, max_size=9), st.floats(0, 1))
def test_readings_rise_and_stay_between_the_ends(points, share):
    curve = Curve.of(*zip(*points, strict=True))
    low, high = curve.psnr_db[0], curve.psnr_db[-1]
    ratio = ratio_at_psnr(curve, low + share * (high - low))
    assert ratio is not None
    assert curve.ratios[-1] * (1 - 1e-9) <= ratio <= curve.ratios[0] * (1 + 1e-9)


def test_ssim_is_read_the_same_way():
    assert value_at_ratio([10, 100], [0.99, 0.89], math.sqrt(1000)) == pytest.approx(0.94)
    assert value_at_ratio([10, 100], [0.99, math.nan], 50) is None
    assert value_at_ratio([10], [0.99], 10) == 0.99


def test_what_is_no_curve():
    with pytest.raises(ValueError, match="positive"):
        Curve.of([0, 1], [1, 2])
    with pytest.raises(ValueError, match="values"):
        Curve.of([1, 2], [1])
