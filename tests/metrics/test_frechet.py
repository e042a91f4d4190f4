import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from vesalius.metrics.frechet import fid, frechet_distance


def covariance(seed, width=5):
    root = np.random.default_rng(seed).normal(size=(width, width))
    return root @ root.T


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 999))
def test_it_equals_the_formula_with_the_root_of_a_matrix(seed):
    means = np.random.default_rng(seed).normal(size=(2, 5))
    first, second = covariance(seed), covariance(seed + 1)
    root = np.real(sqrtm(first @ second))
    wanted = ((means[0] - means[1]) ** 2).sum() + np.trace(first + second - 2 * root)
    assert frechet_distance(means[0], first, means[1], second) == pytest.approx(wanted, rel=1e-6, abs=1e-8)
    assert frechet_distance(means[0], first, means[0], first) == pytest.approx(0, abs=1e-8)


def test_independent_axes_add_the_squares_of_their_differences():
    assert frechet_distance([0, 1], np.diag([1.0, 9.0]), [2, 1], np.diag([4.0, 1.0])) == pytest.approx(4 + 1 + 4)


def test_singular_covariances_are_taken():
    flat = np.diag([1.0, 0.0, 0.0])
    assert frechet_distance(np.zeros(3), flat, np.zeros(3), 4 * flat) == pytest.approx(1)


def test_samples_approach_the_distance_of_their_distributions():
    draw = np.random.default_rng(0)
    x, y = draw.normal(0, 1, (20_000, 3)), draw.normal(0.5, 2, (20_000, 3))
    assert fid(x, y) == pytest.approx(3 * (0.25 + 1), rel=0.05)


def test_few_pictures_make_it_too_large():
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(2, 4000, 32))
    assert fid(x[:40], y[:40]) > 20 * fid(x, y)


def test_one_row_has_no_covariance():
    with pytest.raises(ValueError, match="covariance"):
        fid(np.zeros((1, 3)), np.zeros((5, 3)))
