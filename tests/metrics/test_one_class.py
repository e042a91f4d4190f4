import json

import numpy as np
import pytest
from scipy.optimize import brentq
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, log_loss, recall_score

from vesalius.errors import InputError
from vesalius.metrics.one_class import OneClassPoint, choose_one_class, one_class_measures, true_class

CLASSES = ("red", "white", "platelet")


def samples(count=90, sharp=1.0, seed=0):
    draw = np.random.default_rng(seed)
    true = draw.choice(3, count, p=[0.7, 0.2, 0.1])
    labels = np.eye(3, dtype=np.float32)[true]
    return sharp * (2 * labels + draw.normal(size=(count, 3))), labels, true


def test_measures_equal_scikit_learn():
    scores, labels, true = samples()
    found = one_class_measures(scores, labels, [(f"p{n // 3}", True) for n in range(90)], CLASSES)
    json.dumps(found, allow_nan=False)
    called = scores.argmax(1)
    assert found["confusion"] == confusion_matrix(true, called).tolist()
    assert found["accuracy"]["value"] == pytest.approx(accuracy_score(true, called))
    assert found["macro_f1"]["value"] == pytest.approx(f1_score(true, called, average="macro"))
    recall = recall_score(true, called, average=None)
    assert [found["recall"][name]["value"] for name in CLASSES] == pytest.approx(recall)
    assert found["worst_recall"]["value"] == pytest.approx(recall.min())
    low, high = found["accuracy"]["interval"]
    assert low < found["accuracy"]["value"] < high


def test_samples_without_a_class_are_left_out():
    scores, labels, true = samples(30)
    labels[:5] = np.nan
    assert true_class(labels)[:6].tolist() == [-1] * 5 + [true[5]]
    found = one_class_measures(scores, labels, [(str(n), True) for n in range(30)], CLASSES)
    assert np.sum(found["confusion"]) == 25
    absent = one_class_measures(scores[:, :2], np.zeros((30, 2), np.float32), [("a", True)] * 30, ("a", "b"))
    assert absent["accuracy"] == {"value": None, "interval": None}


def test_the_temperature_is_where_the_slope_of_the_loss_is_zero():
    """Slow derivation: with b = 1 / T the slope is the mean of (expected logit under b) - (logit of the true class)."""
    logits, labels, true = samples(sharp=4.0)

    def slope(b):
        p = np.exp(b * logits - (b * logits).max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        return float(((p * logits).sum(1) - logits[np.arange(90), true]).mean())

    point = choose_one_class(logits, labels)
    assert len(set(point.temperatures)) == 1
    assert 1 / point.temperatures[0] == pytest.approx(brentq(slope, 0.01, 100), rel=1e-4)
    with pytest.raises(InputError, match="has a class"):
        choose_one_class(logits, np.zeros_like(labels))


def test_probabilities_log_odds_loss_and_decisions():
    logits, labels, true = samples(seed=3)
    point = OneClassPoint((2.0,) * 3, (np.nan,) * 3, np.nan, 9)
    p = point.probabilities(logits)
    np.testing.assert_allclose(p.sum(1), 1)
    np.testing.assert_allclose(point.log_odds(logits), np.log(p / (1 - p)), rtol=1e-8)
    assert point.log_loss(logits, labels, ()) == pytest.approx(log_loss(true, p))
    assert point.as_trained() == OneClassPoint((1.0,) * 3, point.thresholds, point.specificity, 9)
    for c, decided in enumerate(point.judge(logits, labels)):
        called, is_class = logits.argmax(1) == c, true == c
        assert decided.true_positive == (called & is_class).sum()
        assert decided.false_positive == (called & ~is_class).sum()
        assert decided.true_negative == (~called & ~is_class).sum()
        assert decided.false_negative == (~called & is_class).sum()
