import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vesalius.metrics.kernel_distance import FeatureSet
from vesalius.metrics.manifold import distances, precision_recall


def a_set(seed, count, mean=0.0, side="x", per_source=1):
    place = np.random.default_rng(seed).normal(mean, 1, (count, 3))
    return FeatureSet(place, tuple((side, n // per_source) for n in range(count)))


def slow_share(pictures, by, k):
    inside = 0
    for point in pictures.features_ND:
        for centre, source in zip(by.features_ND, by.sources, strict=True):
            others = [
                np.linalg.norm(centre - other)
                for other, name in zip(by.features_ND, by.sources, strict=True)
                if name != source
            ]
            if np.linalg.norm(point - centre) <= sorted(others)[k - 1] + 1e-12:
                inside += 1
                break
    return inside / len(pictures)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.integers(1, 2), st.integers(1, 3))
def test_it_follows_its_definition(seed, per_source, k):
    x, y = a_set(seed, 14, 0.8, "x", per_source), a_set(seed + 1, 12, 0, "y", per_source)
    result = precision_recall(x, y, k)
    assert result.precision == pytest.approx(slow_share(x, y, k))
    assert result.recall == pytest.approx(slow_share(y, x, k))


def test_one_kind_of_picture_is_precise_and_recalls_little():
    y = a_set(0, 200)
    middle = FeatureSet(0.05 * a_set(1, 200).features_ND, tuple(range(200)))
    result = precision_recall(middle, y)
    assert result.precision > 0.95
    assert result.recall < 0.1


def test_far_pictures_have_neither():
    result = precision_recall(a_set(0, 30, 50), a_set(1, 30, side="y"))
    assert (result.precision, result.recall) == (0, 0)


def test_few_sources_give_no_value():
    result = precision_recall(a_set(0, 9), a_set(1, 9, side="y", per_source=9))
    assert np.isnan(result.precision)
    assert result.recall >= 0


def test_distances_of_equal_rows_are_nothing():
    x = 1e3 + np.random.default_rng(0).normal(size=(4, 6))
    assert distances(x, x).diagonal().max() < 1e-3
    assert distances(x[:1], x[1:2])[0, 0] == pytest.approx(np.linalg.norm(x[0] - x[1]))
