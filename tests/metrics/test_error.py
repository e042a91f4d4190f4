import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from vesalius.metrics import error
from vesalius.metrics.error import SquaredError

VALUES = st.floats(-1e4, 1e4, width=32)


def noisy(shape, seed=0, noise=5.0):
    generator = np.random.default_rng(seed)
    reference = generator.normal(100, 30, shape)
    return reference, reference + generator.normal(0, noise, shape)


def test_peak_is_the_span_of_999_in_1000_finite_values():
    values = np.concatenate([np.arange(10001.0), [np.nan, np.inf, -np.inf]])
    assert error.peak(values) == pytest.approx(9990 - 10)  # ranks 10 and 9990 of 0..10000
    assert error.peak(np.full((3, 3), 7)) == 0
    assert error.peak([np.nan]) == 0


@given(arrays(np.float32, array_shapes(max_dims=5, max_side=4), elements=VALUES), st.integers(0, 99))
def test_measures_agree_with_loops(reference, seed):
    restored = reference + np.random.default_rng(seed).normal(0, 3, reference.shape).astype(np.float32)
    pairs = list(zip(reference.ravel().tolist(), restored.ravel().tolist(), strict=True))
    squared = math.fsum((a - b) ** 2 for a, b in pairs) / len(pairs)
    sums = SquaredError.of(reference, restored)
    assert sums.mse == pytest.approx(squared)
    assert sums.max_error == pytest.approx(max(abs(a - b) for a, b in pairs))
    if squared:
        assert sums.psnr(255) == pytest.approx(20 * math.log10(255 / math.sqrt(squared)))


@given(st.lists(st.integers(0, 20), min_size=1, max_size=6))
def test_chunks_add_up_to_the_whole(sizes):
    reference, restored = noisy(sum(sizes), seed=len(sizes))
    sums, merged, start = SquaredError(), SquaredError(), 0
    for size in sizes:
        part = SquaredError()
        for one in (sums, part):
            one.add(reference[start : start + size], restored[start : start + size])
        merged.merge(part)
        start += size
    assert merged == sums
    assert sums.voxels == reference.size
    if reference.size:
        whole = SquaredError.of(reference, restored)
        assert sums.mse == pytest.approx(whole.mse)
        assert sums.max_error == whole.max_error
        assert sums.rmse == pytest.approx(math.sqrt(sums.mse))


def test_psnr_at_its_ends():
    constant = np.full((4, 4), 9.0)
    assert SquaredError.of(constant, constant).psnr(0) == math.inf
    assert SquaredError.of(constant, constant + 1).psnr(0) == -math.inf
    assert SquaredError.of(constant, constant + 10).psnr(10) == 0
    assert SquaredError.of(constant, np.where(np.eye(4), np.nan, constant)).psnr(10) == -math.inf
    assert math.isnan(SquaredError.of(np.full(3, np.nan), np.zeros(3)).psnr(1))
    assert math.isnan(SquaredError.of([], []).mse)


def test_large_values_do_not_overflow_silently_into_a_good_score():
    assert SquaredError.of(np.array([1e200]), np.array([-1e200])).psnr(1.0) == -math.inf


def test_voxels_without_a_finite_reference_are_left_out():
    reference = np.array([1.0, np.nan, np.inf, 4.0])
    assert SquaredError.of(reference, [2.0, 0.0, 0.0, 4.0]).mse == 0.5
    assert SquaredError.of(reference, [1.0, np.nan, np.inf, np.nan]).max_error == math.inf


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="differ"):
        SquaredError.of(np.zeros(3), np.zeros((3, 1)))
