import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vesalius.metrics import codec
from vesalius.metrics.error import SquaredError


def temporal_error(reference, restored):
    sums = SquaredError()
    codec.add_changes(sums, reference, restored)
    return sums.rmse


def test_rates():
    assert codec.ratio(1000, 100) == 20


def test_temporal_error_by_loops():
    generator = np.random.default_rng(1)
    reference, restored = generator.normal(size=(2, 1, 4, 3, 2, 2))
    changes = [
        (
            restored[0, t + 1, i, j, k]
            - restored[0, t, i, j, k]
            - reference[0, t + 1, i, j, k]
            + reference[0, t, i, j, k]
        )
        for t in range(3)
        for i in range(3)
        for j in range(2)
        for k in range(2)
    ]
    expected = math.sqrt(math.fsum(change**2 for change in changes) / len(changes))
    assert temporal_error(reference, restored) == pytest.approx(expected)


def test_a_constant_offset_moves_nothing():
    moving = np.random.default_rng(0).normal(size=(1, 5, 3, 3, 2))
    assert temporal_error(moving, moving + 100) == pytest.approx(0, abs=1e-12)


def test_temporal_error_leaves_out_changes_without_a_finite_reference():
    reference = np.array([0.0, np.inf, np.inf, 1.0, 3.0]).reshape(1, 5, 1, 1, 1)
    restored = np.array([0.0, np.inf, np.inf, 1.0, 2.0]).reshape(1, 5, 1, 1, 1)
    assert temporal_error(reference, restored) == 1


def test_heart_region_is_the_union_and_its_margin():
    diastole, systole = np.zeros((2, 40, 50, 6), dtype=np.uint8)
    diastole[20, 10, 2] = 3
    systole[25, 2, 3] = 1
    box = codec.heart_region([diastole, systole], (1.4, 3.0, 9.999974))
    assert box == (slice(20 - 8, 26 + 8), slice(0, 11 + 4), slice(1, 5))


def test_heart_region_without_a_label():
    assert codec.heart_region([np.zeros((3, 3, 3))], (1, 1, 1)) is None
    with pytest.raises(ValueError, match="shape"):
        codec.heart_region([np.zeros((3, 3, 3)), np.zeros((3, 3, 2))], (1, 1, 1))
    with pytest.raises(ValueError, match="no masks"):
        codec.heart_region([], (1, 1, 1))


@given(st.lists(st.tuples(*[st.integers(0, 11)] * 3), min_size=1, max_size=5), st.floats(0, 30), st.floats(0.4, 12))
def test_heart_region_holds_what_is_within_the_margin(points, margin, spacing):
    mask = np.zeros((12, 12, 12))
    mask[tuple(np.transpose(points))] = 1
    box = codec.heart_region([mask], (spacing,) * 3, margin)
    for axis, part in enumerate(box):
        ends = [point[axis] for point in points]
        reach = max(margin - 0.001 * spacing, 0)
        near = [n for n in range(12) if (min(ends) - n) * spacing <= reach and (n - max(ends)) * spacing <= reach]
        assert part.start <= near[0]
        assert part.stop >= near[-1] + 1
        assert part.start >= max(0, min(ends) - margin / spacing - 1)
        assert part.stop <= min(12, max(ends) + 2 + margin / spacing)
