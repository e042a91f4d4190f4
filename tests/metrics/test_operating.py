import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import recall_score, roc_curve

from vesalius.errors import InputError
from vesalius.metrics.operating import choose, decide, threshold_at_specificity

DRAW = np.random.default_rng(2)
TRUE = DRAW.normal(-1, 2, (600, 3))
LABELS = (DRAW.random((600, 3)) < expit(TRUE)).astype(float)
LOGITS = TRUE * [3.0, 1.0, 0.5]
VALIDATION, TEST = slice(0, 300), slice(300, 600)


def test_temperatures_and_thresholds_of_validation():
    point = choose(LOGITS[VALIDATION], LABELS[VALIDATION], specificity=0.8, sharing="per_class")
    assert point.temperatures == pytest.approx([3, 1, 0.5], rel=0.3)
    assert (point.specificity, point.samples) == (0.8, 300)
    for found in point.judge(LOGITS[VALIDATION], LABELS[VALIDATION]):
        assert 0.8 <= found.specificity < 0.83
    for found in point.judge(LOGITS[TEST], LABELS[TEST]):
        assert found.specificity == pytest.approx(0.8, abs=0.1)
    shared = choose(LOGITS[VALIDATION], LABELS[VALIDATION])
    assert len(set(shared.temperatures)) == 1


@pytest.mark.parametrize("sharing", ["shared", "per_class"])
def test_labels_of_the_test_set_cannot_change_what_was_chosen(sharing):
    point = choose(LOGITS[VALIDATION], LABELS[VALIDATION], sharing=sharing)
    before = point.probabilities(LOGITS[TEST])
    judged = point.judge(LOGITS[TEST], LABELS[TEST])
    for labels in (1 - LABELS[TEST], np.ones((300, 3)), np.full((300, 3), math.nan), DRAW.permutation(LABELS[TEST])):
        other = point.judge(LOGITS[TEST], labels)
        assert [one.threshold for one in other] == [one.threshold for one in judged] == list(point.thresholds)
        called = [one.true_positive + one.false_positive for one in other]
        if not np.isnan(labels).any():
            assert called == [one.true_positive + one.false_positive for one in judged]
    assert point == choose(LOGITS[VALIDATION], LABELS[VALIDATION], sharing=sharing)
    assert np.array_equal(point.probabilities(LOGITS[TEST]), before)
    with pytest.raises(FrozenInstanceError):
        point.thresholds = (0.0, 0.0, 0.0)


def test_a_class_without_negatives_has_no_threshold():
    labels = LABELS.copy()
    labels[:, 1] = 1
    point = choose(LOGITS, labels, sharing="per_class")
    assert math.isnan(point.thresholds[1])
    assert point.temperatures[1] == 1
    assert point.judge(LOGITS, labels)[1] is None
    with pytest.raises(InputError, match="all validation labels are equal"):
        choose(LOGITS, np.ones_like(LABELS))


SAMPLES = st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=50).filter(
    lambda rows: not all(label for _, label in rows)
)


@given(SAMPLES, st.sampled_from([0.05, 0.3, 0.5, 0.9, 1.0]))
def test_keeps_the_specificity_and_no_lower_score_does(rows, wanted):
    scores, labels = np.array(rows).T
    threshold = threshold_at_specificity(scores, labels, wanted)
    assert decide(scores, labels, threshold).specificity >= wanted - 1e-12
    lower = [score for score in scores if score < threshold]
    assert all(decide(scores, labels, score).specificity < wanted for score in lower)


def test_finds_the_best_point_of_the_roc_curve():
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 2, 400)
    scores = draw.normal(size=400) + labels
    false_rate, hit_rate, _ = roc_curve(labels, scores, drop_intermediate=False)
    for wanted in (0.8, 0.9, 0.95):
        found = decide(scores, labels, threshold_at_specificity(scores, labels, wanted))
        assert found.sensitivity == pytest.approx(hit_rate[1 - false_rate >= wanted - 1e-12].max())


def test_counts_and_shares():
    scores, labels = np.array([0.1, 0.4, 0.4, 0.8, 0.9]), np.array([0, 0, 1, 1, math.nan])
    found = decide(scores, labels, 0.4)
    assert (found.true_positive, found.false_positive, found.true_negative, found.false_negative) == (2, 1, 1, 0)
    assert found.sensitivity == recall_score(labels[:4], scores[:4] >= 0.4)
    assert (found.specificity, found.positive_predictive_value) == (0.5, pytest.approx(2 / 3))
    none = decide(scores[:2], labels[:2], 2)
    assert math.isnan(none.sensitivity)
    assert math.isnan(none.positive_predictive_value)


def test_where_all_scores_are_equal_nothing_is_called():
    threshold = threshold_at_specificity([0.5] * 4, [0, 0, 1, 1], 0.9)
    assert decide([0.5] * 4, [0, 0, 1, 1], threshold).specificity == 1


def test_wrong_requests_are_refused():
    with pytest.raises(InputError, match="negative"):
        threshold_at_specificity([0.1, 0.2], [1, math.nan], 0.9)
    for wanted in (0, 1.1, math.nan):
        with pytest.raises(ValueError, match="specificity"):
            threshold_at_specificity([0.1], [0], wanted)
