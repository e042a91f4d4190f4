import math

import numpy as np
import pytest
from scipy.stats import bootstrap

from vesalius.metrics.bootstrap import MIN_PATIENTS, patient_interval

VALUES = np.random.default_rng(3).gamma(2, 10, 25).tolist()


def test_agrees_with_another_bootstrap():
    ours = patient_interval(VALUES, seed=1)
    theirs = bootstrap([VALUES], np.mean, method="percentile", n_resamples=9999, rng=np.random.default_rng(2))
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.04 * width)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.04 * width)
    assert (ours.level, ours.patients) == (0.95, 25)


def test_depends_on_the_seed_alone():
    assert patient_interval(VALUES, seed=5) == patient_interval(VALUES, seed=5)
    assert patient_interval(VALUES, seed=5) != patient_interval(VALUES, seed=6)


def test_a_higher_level_is_wider():
    narrow, wide = patient_interval(VALUES, level=0.5), patient_interval(VALUES, level=0.99)
    assert wide.low < narrow.low < np.mean(VALUES) < narrow.high < wide.high


def test_few_patients_get_no_interval():
    assert patient_interval(VALUES[: MIN_PATIENTS - 1]) is None
    assert patient_interval(VALUES[:MIN_PATIENTS]) is not None
    assert patient_interval([]) is None


def test_covers_the_truth_about_as_often_as_it_says():
    generator = np.random.default_rng(0)
    hits = 0
    for trial in range(200):
        found = patient_interval(generator.normal(7, 2, 30).tolist(), seed=trial, level=0.9, draws=500)
        hits += found.low <= 7 <= found.high
    assert 0.8 <= hits / 200 <= 0.97


def test_bad_values_are_refused():
    with pytest.raises(ValueError, match="finite"):
        patient_interval([math.nan] * 12)
    with pytest.raises(ValueError, match="level"):
        patient_interval(VALUES, level=1)
