import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vesalius.metrics import ssim

VALUES = st.floats(-1e4, 1e4, width=32)


def noisy(shape, seed=0, noise=5.0):
    generator = np.random.default_rng(seed)
    reference = generator.normal(100, 30, shape)
    return reference, reference + generator.normal(0, noise, shape)


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


def test_a_picture_stack_has_five_axes():
    with pytest.raises(ValueError, match="not"):
        ssim.ssim(np.zeros((3, 3)), np.zeros((3, 3)), 1)


@pytest.mark.parametrize(("shape", "window"), [((9, 12), 7), ((6, 20), 5), ((4, 4), 3), ((3, 30), 3)])
def test_ssim_agrees_with_its_definition(shape, window):
    reference, restored = noisy(shape, noise=20)
    found = ssim.ssim_per_picture(reference[None], restored[None], 150)
    assert found == pytest.approx([ssim_by_hand(reference, restored, 150, window)])


def test_ssim_leaves_out_windows_with_a_non_finite_reference():
    reference, restored = noisy((12, 14))
    reference[2, 3] = np.nan
    restored[2, 3] = 1e9
    found = ssim.ssim_per_picture(reference[None], restored[None], 150)
    assert found == pytest.approx([ssim_by_hand(reference, restored, 150, 7)])


def test_ssim_is_the_mean_over_all_pictures():
    reference, restored = noisy((2, 3, 10, 9, 4), noise=20)
    each = [
        ssim_by_hand(reference[c, t, :, :, k].T, restored[c, t, :, :, k].T, 150, 7)
        for c in range(2)
        for t in range(3)
        for k in range(4)
    ]
    assert ssim.ssim(reference, restored, 150) == pytest.approx(np.mean(each))


def test_ssim_where_it_is_not_defined():
    small, _ = noisy((1, 1, 2, 9, 3))
    assert math.isnan(ssim.ssim(small, small, 1))
    constant = np.full((1, 1, 8, 8, 2), 5.0)
    assert ssim.ssim(constant, constant, 0) == 1
    changed = constant.copy()
    changed[..., 0, 0, 0] = 6
    assert ssim.ssim(constant, changed, 0) == 0.5
    broken = constant.copy()
    broken[..., 1] = np.nan
    assert ssim.ssim(constant, broken, 1) == 0.5
    assert math.isnan(ssim.ssim(broken[..., 1:], constant[..., 1:], 1))


@settings(max_examples=20)
@given(st.integers(1, 12), st.integers(1, 12))
def test_ssim_of_a_picture_with_itself_is_one_or_undefined(rows, columns):
    picture, _ = noisy((1, rows, columns))
    found = ssim.ssim_per_picture(picture, picture, 100)
    assert np.isnan(found).all() if min(rows, columns) < 3 else found == pytest.approx([1.0])


def test_pictures_have_rows_j_and_columns_i():
    array = np.arange(2 * 3 * 4 * 5 * 6).reshape(2, 3, 4, 5, 6)
    pictures = ssim.to_pictures(array)
    assert pictures.shape == (36, 5, 4)
    assert np.array_equal(pictures[1 * 18 + 2 * 6 + 3], array[1, 2, :, :, 3].T)
