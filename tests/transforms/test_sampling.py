import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from scipy.interpolate import BSpline

from vesalius.transforms.sampling import along, at, blur_matrix, nearest_index, resize_matrix, spline_matrix


@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 3))
def test_a_matrix_along_any_axis(old, new, axis):
    shape = [2, 3, 2, 3]
    shape[axis] = old
    x = np.random.default_rng(0).random(shape)
    matrix = resize_matrix(old, new, 1)
    expected = np.moveaxis(np.tensordot(matrix, x, (1, axis)), 0, axis)
    np.testing.assert_allclose(along(x, axis, matrix), expected, atol=1e-12)


def test_rows_without_weights_give_zero():
    assert (along(np.ones((1, 4)), 1, np.zeros((40, 4))) == 0).all()


@given(st.integers(1, 60), st.integers(1, 60), st.sampled_from([1, 2]))
def test_resizing_keeps_constants_and_symmetry(old, new, reach):
    matrix = resize_matrix(old, new, reach)
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    np.testing.assert_allclose(matrix, matrix[::-1, ::-1], atol=1e-12)
    index = nearest_index(old, new)
    assert (index >= 0).all()
    assert (index < old).all()
    centers = (np.arange(new) + 0.5) * old / new - 0.5
    assert (np.abs(index - centers) <= 0.5 + 1e-9).all()


@pytest.mark.parametrize("sigma", [0.1, 0.7, 2.0])
def test_blur_as_scipy(sigma):
    x = np.random.default_rng(0).random(40)
    expected = ndimage.gaussian_filter1d(x, sigma, mode="nearest", truncate=4.0)
    np.testing.assert_allclose(blur_matrix(40, sigma) @ x, expected, atol=1e-5 if sigma < 1 else 2e-4)


def test_splines_as_scipy():
    control = np.random.default_rng(0).random(8)
    knots = np.arange(-3, 9)
    places = (np.arange(31) + 0.5) / 31 * 5
    np.testing.assert_allclose(spline_matrix(31, 5) @ control, BSpline(knots, control, 3)(places), atol=1e-12)


@pytest.mark.parametrize("axes", [(1,), (1, 2), (2, 3), (1, 2, 3)])
@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("outside", ["edge", -7.0])
def test_free_places_one_by_one(axes, order, outside):
    generator = np.random.default_rng(0)
    x = generator.random((2, 4, 1, 5)) if 2 in axes else generator.random((2, 4, 3, 5))
    sizes = [x.shape[axis] for axis in axes]
    shape = (3, 4, 2)[: len(axes)]
    places = [generator.uniform(-1.5, size + 0.5, shape) for size in sizes]
    done = at(x, axes, places, outside, order=order)
    assert done.shape == (*x.shape[: axes[0]], *shape, *x.shape[axes[-1] + 1 :])
    first = tuple(range(len(axes)))
    moved, sampled = np.moveaxis(x, axes, first), np.moveaxis(done, axes, first)
    for n in np.ndindex(*shape):
        place = [one[n] for one in places]
        inside = [float(np.clip(p, 0, size - 1)) for p, size in zip(place, sizes, strict=True)]
        expected = np.zeros(moved.shape[len(axes) :])
        if outside != "edge" and any(not -0.5 <= p <= size - 0.5 for p, size in zip(place, sizes, strict=True)):
            expected[...] = outside
        elif order == 0:
            expected[...] = moved[tuple(int(p + 0.5) for p in inside)]
        else:
            for corner in itertools.product(*(range(size) for size in sizes)):
                near = [max(0.0, 1 - abs(p - c)) for p, c in zip(inside, corner, strict=True)]
                expected += np.prod(near) * moved[corner]
        np.testing.assert_allclose(sampled[n], expected, atol=1e-12)
