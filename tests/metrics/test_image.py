import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from vesalius.metrics import image

VALUES = st.floats(-1e4, 1e4, width=32)


def noisy(shape, seed=0, noise=5.0):
    generator = np.random.default_rng(seed)
    reference = generator.normal(100, 30, shape)
    return reference, reference + generator.normal(0, noise, shape)


def test_peak_is_the_span_of_999_in_1000_finite_values():
    values = np.concatenate([np.arange(10001.0), [np.nan, np.inf, -np.inf]])
    assert image.peak(values) == pytest.approx(9990 - 10)  # ranks 10 and 9990 of 0..10000
    assert image.peak(np.full((3, 3), 7)) == 0
    assert image.peak([np.nan]) == 0


@given(arrays(np.float32, array_shapes(max_dims=5, max_side=4), elements=VALUES), st.integers(0, 99))
def test_measures_agree_with_loops(reference, seed):
    restored = reference + np.random.default_rng(seed).normal(0, 3, reference.shape).astype(np.float32)
    pairs = list(zip(reference.ravel().tolist(), restored.ravel().tolist(), strict=True))
    squared = math.fsum((a - b) ** 2 for a, b in pairs) / len(pairs)
    assert image.mse(reference, restored) == pytest.approx(squared)
    assert image.mae(reference, restored) == pytest.approx(math.fsum(abs(a - b) for a, b in pairs) / len(pairs))
    assert image.max_error(reference, restored) == pytest.approx(max(abs(a - b) for a, b in pairs))
    if squared:
        assert image.psnr(reference, restored, 255) == pytest.approx(20 * math.log10(255 / math.sqrt(squared)))


@given(st.lists(st.integers(0, 20), min_size=1, max_size=6))
def test_chunks_add_up_to_the_whole(sizes):
    reference, restored = noisy(sum(sizes), seed=len(sizes))
    sums, merged, start = image.SquaredError(), image.SquaredError(), 0
    for size in sizes:
        part = image.SquaredError()
        for one in (sums, part):
            one.add(reference[start : start + size], restored[start : start + size])
        merged.merge(part)
        start += size
    assert merged == sums
    assert sums.voxels == reference.size
    if reference.size:
        assert sums.mse == pytest.approx(image.mse(reference, restored))
        assert sums.mae == pytest.approx(image.mae(reference, restored))
        assert sums.max_error == image.max_error(reference, restored)
        assert sums.rmse == pytest.approx(math.sqrt(sums.mse))


def test_psnr_at_its_ends():
    constant = np.full((4, 4), 9.0)
    assert image.psnr(constant, constant, 0) == math.inf
    assert image.psnr(constant, constant + 1, 0) == -math.inf
    assert image.psnr(constant, constant + 10, 10) == 0
    assert image.psnr(constant, np.where(np.eye(4), np.nan, constant), 10) == -math.inf
    assert math.isnan(image.psnr(np.full(3, np.nan), np.zeros(3), 1))
    assert math.isnan(image.max_error([], []))


def test_large_values_do_not_overflow_silently_into_a_good_score():
    assert image.psnr(np.array([1e200]), np.array([-1e200]), 1.0) == -math.inf


def test_voxels_without_a_finite_reference_are_left_out():
    reference = np.array([1.0, np.nan, np.inf, 4.0])
    assert image.mse(reference, [2.0, 0.0, 0.0, 4.0]) == 0.5
    assert image.max_error(reference, [1.0, np.nan, np.inf, np.nan]) == math.inf


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="differ"):
        image.mse(np.zeros(3), np.zeros((3, 1)))
    with pytest.raises(ValueError, match="not"):
        image.ssim(np.zeros((3, 3)), np.zeros((3, 3)), 1)


def ssim_by_hand(reference, restored, peak, window):
    """Wang et al. 2004 with a uniform window, window by window."""
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    rows, columns = reference.shape
    scores = []
    for j in range(rows - window + 1):
        for i in range(columns - window + 1):
            one, other = reference[j : j + window, i : i + window], restored[j : j + window, i : i + window]
            if not np.isfinite(one).all():
                continue
            (v1, c), (_, v2) = np.cov(one.ravel(), other.ravel())
            m1, m2 = one.mean(), other.mean()
            scores.append((2 * m1 * m2 + c1) * (2 * c + c2) / ((m1**2 + m2**2 + c1) * (v1 + v2 + c2)))
    return np.mean(scores)


@pytest.mark.parametrize(("shape", "window"), [((9, 12), 7), ((6, 20), 5), ((4, 4), 3), ((3, 30), 3)])
def test_ssim_agrees_with_its_definition(shape, window):
    reference, restored = noisy(shape, noise=20)
    found = image.ssim_per_picture(reference[None], restored[None], 150)
    assert found == pytest.approx([ssim_by_hand(reference, restored, 150, window)])


def test_ssim_leaves_out_windows_with_a_non_finite_reference():
    reference, restored = noisy((12, 14))
    reference[2, 3] = np.nan
    restored[2, 3] = 1e9
    found = image.ssim_per_picture(reference[None], restored[None], 150)
    assert found == pytest.approx([ssim_by_hand(reference, restored, 150, 7)])


def test_ssim_is_the_mean_over_all_pictures():
    reference, restored = noisy((2, 3, 10, 9, 4), noise=20)
    each = [
        ssim_by_hand(reference[c, t, :, :, k].T, restored[c, t, :, :, k].T, 150, 7)
        for c in range(2)
        for t in range(3)
        for k in range(4)
    ]
    assert image.ssim(reference, restored, 150) == pytest.approx(np.mean(each))


def test_ssim_where_it_is_not_defined():
    small, _ = noisy((1, 1, 2, 9, 3))
    assert math.isnan(image.ssim(small, small, 1))
    constant = np.full((1, 1, 8, 8, 2), 5.0)
    assert image.ssim(constant, constant, 0) == 1
    changed = constant.copy()
    changed[..., 0, 0, 0] = 6
    assert image.ssim(constant, changed, 0) == 0.5
    broken = constant.copy()
    broken[..., 1] = np.nan
    assert image.ssim(constant, broken, 1) == 0.5
    assert math.isnan(image.ssim(broken[..., 1:], constant[..., 1:], 1))


@settings(max_examples=20)
@given(st.integers(1, 12), st.integers(1, 12))
def test_ssim_of_a_picture_with_itself_is_one_or_undefined(rows, columns):
    picture, _ = noisy((1, rows, columns))
    found = image.ssim_per_picture(picture, picture, 100)
    assert np.isnan(found).all() if min(rows, columns) < 3 else found == pytest.approx([1.0])


def test_pictures_have_rows_j_and_columns_i():
    array = np.arange(2 * 3 * 4 * 5 * 6).reshape(2, 3, 4, 5, 6)
    pictures = image.to_pictures(array)
    assert pictures.shape == (36, 5, 4)
    assert np.array_equal(pictures[1 * 18 + 2 * 6 + 3], array[1, 2, :, :, 3].T)
