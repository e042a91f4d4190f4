import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vesalius.metrics.kernel_distance import FeatureSet, kernel_distances, kid


def features(seed, count, mean=0.0, width=6):
    return np.random.default_rng(seed).normal(mean, 1, (count, width))


def kernel(a, b):
    return (float(a @ b) / len(a) + 1) ** 3


def slow(x, x_sources, y, y_sources):
    """The estimate by its definition: means over pairs of different sources, one pair at a time."""

    def mean(first, first_sources, second, second_sources):
        pairs = itertools.product(zip(first, first_sources, strict=True), zip(second, second_sources, strict=True))
        return np.mean([kernel(a, b) for (a, s), (b, t) in pairs if s != t])

    own = mean(x, x_sources, x, x_sources) + mean(y, y_sources, y, y_sources)
    return own - 2 * mean(x, x_sources, y, y_sources)


def own(x, side):
    return FeatureSet(x, tuple((side, n) for n in range(len(x))))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.integers(4, 9), st.integers(4, 9), st.integers(2, 5))
def test_the_estimate_follows_its_definition(seed, n, m, sources):
    x, y = features(seed, n), features(seed + 1, m, 0.3)
    x_sources, y_sources = ([number % sources for number in range(count)] for count in (n, m))
    value = kernel_distances(FeatureSet(x, tuple(x_sources)), FeatureSet(y, tuple(y_sources)), draws=0).generated.value
    assert value == pytest.approx(slow(x, x_sources, y, y_sources))


def test_many_rows_are_summed_in_blocks():
    x, y = features(0, 1100, width=3), features(1, 700, 0.2, width=3)
    k_xx, k_yy, k_xy = ((a @ b.T / 3 + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    n, m = len(x), len(y)
    unbiased = (k_xx.sum() - np.trace(k_xx)) / (n * (n - 1)) + (k_yy.sum() - np.trace(k_yy)) / (m * (m - 1))
    assert kid(x, y) == pytest.approx(unbiased - 2 * k_xy.mean())


def test_it_is_unbiased_on_equal_distributions():
    values = np.array([kid(features(2 * n, 12), features(2 * n + 1, 12)) for n in range(400)])
    assert abs(values.mean()) < 3 * values.std() / 20
    assert (values < 0).mean() > 0.3


def test_it_does_not_depend_on_the_number_of_pictures():
    few = np.mean([kid(features(n, 8), features(900 + n, 8, 0.7)) for n in range(300)])
    many = np.mean([kid(features(n, 60), features(900 + n, 60, 0.7)) for n in range(60)])
    assert few == pytest.approx(many, rel=0.15)


def test_many_cuts_of_few_images_do_not_count_as_distance():
    """Pairs of one image resemble each other; counted, they make equal sets look far apart."""
    plain, grouped = [], []
    for seed in range(60):
        sets = []
        for side in range(2):
            images = features(1000 * side + seed, 10)
            cuts = np.repeat(images, 6, axis=0) + 0.1 * features(5000 + 10 * seed + side, 60)
            sets.append(FeatureSet(cuts, tuple((side, n // 6) for n in range(60))))
        plain.append(kid(sets[0].features_ND, sets[1].features_ND))
        grouped.append(kernel_distances(*sets, draws=0).generated.value)
    assert np.mean(plain) > 0.2
    assert abs(np.mean(grouped)) < 3 * np.std(grouped) / 60**0.5


def test_the_interval_is_about_as_wide_as_repeated_samples_spread():
    results = [
        kernel_distances(own(features(n, 40, 0.5), "x"), own(features(700 + n, 40), "y"), draws=300).generated
        for n in range(60)
    ]
    truth = np.mean([each.value for each in results])
    inside = [each.interval.low <= truth <= each.interval.high for each in results]
    assert np.mean(inside) >= 0.85
    assert results[0].interval.patients == 80


def test_the_difference_is_that_of_the_two_distances():
    sets = own(features(0, 30, 1.0), "x"), own(features(1, 30), "y"), own(features(2, 30), "z")
    result = kernel_distances(*sets)
    assert result.difference.value == pytest.approx(result.generated.value - result.train.value)
    assert result.difference.interval.low > 0
    assert result == kernel_distances(*sets)


def test_few_sources_give_no_interval():
    result = kernel_distances(own(features(0, 9), "x"), own(features(1, 30), "y"))
    assert np.isfinite(result.generated.value)
    assert result.generated.interval is None


def test_a_single_source_gives_no_value():
    assert np.isnan(kid(features(0, 1), features(1, 5)))


def test_features_without_sources_are_a_bug():
    with pytest.raises(ValueError, match="sources"):
        FeatureSet(features(0, 3), ("a",))
