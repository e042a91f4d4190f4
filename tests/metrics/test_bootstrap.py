import math
from statistics import NormalDist

import numpy as np
import pytest
from scipy.stats import bootstrap

from vesalius.metrics.bootstrap import MIN_PATIENTS, clustered_intervals, patient_interval
from vesalius.metrics.classify import auroc

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


def clustered_interval(measure, patients, **options):
    return clustered_intervals(lambda rows: (measure(rows),), patients, **options)[0]


def _clustered(generator, patients=60, slices=5):
    """Scores and labels of slices; all slices of a patient share its label and most of its deviation."""
    label_P = np.arange(patients) % 2
    deviation_P = generator.normal(0, 1, patients)
    who = np.repeat(np.arange(patients), slices)
    scores = label_P[who] * TRUE_SHIFT + deviation_P[who] + generator.normal(0, 0.3, who.size)
    return scores, label_P[who], who


TRUE_SHIFT = 1.2
TRUE_AUROC = NormalDist().cdf(TRUE_SHIFT / math.sqrt(2 * (1 + 0.3**2)))
"""Of two slices of different patients; slices of one patient share the label, so no other pairs are compared."""


def test_by_patient_covers_the_truth_and_by_slice_is_too_narrow():
    generator = np.random.default_rng(11)
    trials, few, hits, slice_hits, wider = 150, 30, 0, 0, 0
    for trial in range(trials):
        scores, labels, who = _clustered(generator)

        def measure(rows, scores=scores, labels=labels):
            return auroc(scores[rows], labels[rows])

        patient = clustered_interval(measure, who.tolist(), seed=trial, draws=250)
        hits += patient.low <= TRUE_AUROC <= patient.high
        if trial >= few:
            continue
        single = clustered_interval(measure, range(len(who)), seed=trial, draws=250)
        slice_hits += single.low <= TRUE_AUROC <= single.high
        wider += patient.high - patient.low > 1.5 * (single.high - single.low)
    assert 0.91 <= hits / trials <= 0.99
    assert slice_hits / few < 0.75
    assert wider == few


def test_one_row_each_and_a_mean_is_the_plain_bootstrap():
    values = np.array(VALUES)
    ours = clustered_interval(lambda rows: values[rows].mean(), range(25), draws=10_000)
    plain = patient_interval(VALUES, seed=3)
    width = plain.high - plain.low
    assert ours.low == pytest.approx(plain.low, abs=0.04 * width)
    assert ours.high == pytest.approx(plain.high, abs=0.04 * width)
    assert ours.patients == 25


def test_patients_bring_all_their_rows():
    seen = []

    def measure(rows):
        seen.append(np.sort(rows))
        return 0.0

    patients = ["a", "b", "a"] + [f"p{n}" for n in range(9)]
    clustered_interval(measure, patients, draws=50)
    for rows in seen:
        counts = np.bincount(rows, minlength=12)
        assert counts[0] == counts[2]
        assert counts.sum() - counts[2] == 11  # as many patients as there are


def test_several_measures_share_the_draws():
    values = np.array(VALUES)
    both = clustered_intervals(lambda rows: [values[rows].mean(), values[rows].max()], range(25), seed=2, draws=200)
    assert both[0] == clustered_interval(lambda rows: values[rows].mean(), range(25), seed=2, draws=200)
    assert both[1].high == values.max()


def test_draws_without_a_value_are_left_out_or_leave_no_interval():
    labels = np.array([1] + [0] * 19)  # one patient in twenty: 36 % of the draws are without it
    scores = np.arange(20.0)
    assert clustered_interval(lambda rows: auroc(scores[rows], labels[rows]), range(20), draws=100) is None
    labels = np.array([1] * 4 + [0] * 16)
    assert clustered_interval(lambda rows: auroc(scores[rows], labels[rows]), range(20), draws=200) is not None


def test_too_few_patients_or_wrong_requests():
    assert clustered_intervals(lambda _: [0.0, 1.0], ["a"] * 50 + ["b"] * 50) == [None, None]
    with pytest.raises(ValueError, match="no row"):
        clustered_interval(lambda _: 0.0, [])
    with pytest.raises(ValueError, match="draws"):
        clustered_interval(lambda _: 0.0, range(20), draws=0)
