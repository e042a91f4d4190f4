import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from vesalius.metrics.classify import (
    Prevalence,
    auprc,
    auroc,
    macro,
    prevalence,
    rank_classes,
    rsna_weights,
    weighted_log_loss,
)

NAMES = ("any", "epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
SAMPLES = st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=60).filter(
    lambda rows: len({label for _, label in rows}) == 2
)


@given(SAMPLES)
def test_equal_to_scikit_learn_with_ties(rows):
    scores, labels = np.array(rows).T
    assert auroc(scores, labels) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    assert auprc(scores, labels) == pytest.approx(average_precision_score(labels, scores), abs=1e-12)


@given(SAMPLES)
def test_turning_the_scores_round_turns_the_auroc_round(rows):
    scores, labels = np.array(rows).T
    assert auroc(-scores, labels) == pytest.approx(1 - auroc(scores, labels), abs=1e-12)


def test_unknown_labels_are_left_out_class_by_class():
    draw = np.random.default_rng(0)
    scores, labels = draw.normal(size=(200, 3)), draw.integers(0, 2, (200, 3)).astype(float)
    labels[draw.random((200, 3)) < 0.3] = math.nan
    labels[:, 2] = np.where(np.isnan(labels[:, 2]), math.nan, 0)  # never positive
    found = rank_classes(scores, labels)
    for c in (0, 1):
        kept = ~np.isnan(labels[:, c])
        assert found.auroc[c] == pytest.approx(roc_auc_score(labels[kept, c], scores[kept, c]))
        assert found.auprc[c] == pytest.approx(average_precision_score(labels[kept, c], scores[kept, c]))
    assert found.absent == (2,)
    assert math.isnan(found.auroc[2])
    assert math.isnan(found.auprc[2])
    assert found.macro_auroc == pytest.approx((found.auroc[0] + found.auroc[1]) / 2)
    assert found.macro_auprc == pytest.approx(np.mean(found.auprc[:2]))


def test_nothing_known_gives_nothing():
    found = rank_classes(np.zeros((3, 2)), np.full((3, 2), math.nan))
    assert found.absent == (0, 1)
    assert math.isnan(found.macro_auroc)
    assert math.isnan(weighted_log_loss(np.zeros((3, 2)), np.full((3, 2), math.nan), (1, 1)))
    assert math.isnan(macro([]))


def test_log_loss_counts_any_double():
    draw = np.random.default_rng(1)
    probabilities, labels = draw.random((50, 6)), draw.integers(0, 2, (50, 6))
    weights = rsna_weights(NAMES)
    assert weights == (2, 1, 1, 1, 1, 1)
    expected = log_loss(labels.ravel(), probabilities.ravel(), sample_weight=np.tile(weights, 50))
    assert weighted_log_loss(probabilities, labels, weights) == pytest.approx(expected)
    each = [log_loss(labels[:, c], probabilities[:, c]) for c in range(6)]
    assert weighted_log_loss(probabilities, labels, weights) == pytest.approx((2 * each[0] + sum(each[1:])) / 7)


def test_log_loss_of_certainty():
    assert weighted_log_loss([[1.0, 0.0]], [[1, 0]], (1, 1)) == pytest.approx(0, abs=1e-12)
    assert weighted_log_loss([[0.0]], [[1]], (1,)) == pytest.approx(-math.log(1e-15))
    known = weighted_log_loss([[0.3, 0.9]], [[1, math.nan]], (2, 1))
    assert known == pytest.approx(-math.log(0.3))


def test_prevalence():
    assert prevalence([[1, 0], [1, math.nan], [0, math.nan]]) == (Prevalence(2, 1, 0), Prevalence(0, 1, 2))
    assert Prevalence(2, 1, 9).share == pytest.approx(2 / 3)
    assert math.isnan(Prevalence(0, 0, 9).share)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: auroc([1, 2], [1]), "axes"),
        (lambda: rank_classes([1, 2], [1, 0]), "2 axes expected"),
        (lambda: auroc([1, math.nan], [1, 0]), "finite"),
        (lambda: auprc([1, 2], [1, 0.5]), "neither 0 nor 1"),
        (lambda: weighted_log_loss([[1.2]], [[1]], (1,)), r"outside \[0, 1\]"),
        (lambda: weighted_log_loss([[0.2]], [[1]], (1, 1)), "2 weights for 1"),
        (lambda: weighted_log_loss([[0.2]], [[1]], (0,)), "not positive"),
        (lambda: prevalence([[3]]), "neither"),
    ],
)
def test_wrong_arrays_are_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()
