import itertools
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vesalius.metrics.surface import surface_distances


def _slow(one, other, spacing):
    """HD95 and average surface distance by looking at every pair of surface voxels."""

    def surface(mask):
        points = []
        for index in np.argwhere(mask):
            for axis, step in itertools.product(range(mask.ndim), (-1, 1)):
                beside = index.copy()
                beside[axis] += step
                if not 0 <= beside[axis] < mask.shape[axis] or not mask[tuple(beside)]:
                    points.append(index * spacing)
                    break
        return points

    a, b = surface(one), surface(other)
    forth = [min(math.dist(p, q) for q in b) for p in a]
    back = [min(math.dist(p, q) for q in a) for p in b]
    return max(np.quantile(forth, 0.95), np.quantile(back, 0.95)), np.mean(forth + back)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_equals_the_slow_way(seed, axes):
    draw = np.random.default_rng(seed)
    shape = draw.integers(1, 7, axes)
    spacing = draw.uniform(0.3, 4, axes)
    one, other = (draw.random(shape) < draw.uniform(0.1, 0.9) for _ in range(2))
    one.flat[0] = other.flat[-1] = True
    found = surface_distances(one, other, spacing)[1]
    hd95, average = _slow(one, other, spacing)
    assert found.hd95_mm == pytest.approx(hd95, abs=1e-9)
    assert found.average_mm == pytest.approx(average, abs=1e-9)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 1.4, 8.0), (2.5, 0.31, 1.1)])
def test_equals_monai(spacing):
    metrics = pytest.importorskip("monai.metrics")
    draw = np.random.default_rng(5)
    for trial in range(4):
        shape = tuple(draw.integers(6, 14, 3))
        one, other = (draw.integers(0, 4, shape) for _ in range(2))
        if trial % 2:  # blobs that touch the border
            grid = np.indices(shape)
            one = (((grid - 3) ** 2).sum(0) < 11).astype(int) + (grid[0] > 4)
            other = (((grid - 4) ** 2).sum(0) < 14).astype(int) + (grid[0] > 3)
        classes = tuple(range(1, int(max(one.max(), other.max())) + 1))
        hot = [np.stack([mask == n for n in (0, *classes)])[None].astype(np.float32) for mask in (one, other)]
        hd95 = metrics.compute_hausdorff_distance(*hot, percentile=95, spacing=spacing)[0].tolist()
        average = metrics.compute_average_surface_distance(*hot, symmetric=True, spacing=spacing)[0].tolist()
        found = surface_distances(one, other, spacing, classes)
        assert [found[n].hd95_mm for n in classes] == pytest.approx(hd95, abs=1e-5)
        assert [found[n].average_mm for n in classes] == pytest.approx(average, abs=1e-5)


def test_a_shift_is_as_long_as_it_is():
    one, other = np.zeros((2, 20, 20, 9), int)
    one[4:8, 4:8, 2:5] = other[4:8, 4:8, 4:7] = 7
    assert surface_distances(one, other, (1, 1, 8))[7].hd95_mm == 16
    assert surface_distances(one, one, (1, 1, 8))[7].hd95_mm == 0


def test_a_class_that_one_lacks_has_no_distance():
    one, other = np.array([[1, 0], [0, 2]]), np.array([[1, 1], [0, 0]])
    found = surface_distances(one, other, (1, 1), (1, 2, 3))
    assert found[1].hd95_mm == pytest.approx(0.95)
    assert all(math.isnan(found[n].hd95_mm) and math.isnan(found[n].average_mm) for n in (2, 3))


def test_an_organ_in_a_large_volume_takes_no_time():
    axis = np.arange(256) - 128
    square = axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2
    one, other = square < 50**2, square < 53**2
    started = time.perf_counter()
    assert surface_distances(one, other, (1, 1, 1))[1].hd95_mm == pytest.approx(3, abs=0.75)
    assert time.perf_counter() - started < 20


@pytest.mark.parametrize("spacing", [(1,), (1, 0), (1, -1), (1, math.nan), (1, 1, 1)])
def test_spacings_that_cannot_be_are_refused(spacing):
    with pytest.raises(ValueError, match="spacing"):
        surface_distances(np.ones((2, 2), int), np.ones((2, 2), int), spacing)
