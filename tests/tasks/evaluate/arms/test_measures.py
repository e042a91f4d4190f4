import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from vesalius.tasks.evaluate.arms.measures import of_calls, within_folds


def drawn(seed, count=120, folds=3):
    draw = np.random.default_rng(seed)
    labels_SC = draw.integers(0, 2, (count, 2)).astype(float)
    return draw.normal(0, 1, (count, 2)) + labels_SC, labels_SC, np.arange(count) % folds


def test_auroc_counts_all_pairs_within_folds():
    scores_SC, labels_SC, folds_S = drawn(0)
    right = pairs = 0.0
    values = []
    for c in range(2):
        for i in np.flatnonzero(labels_SC[:, c] == 1):
            for j in np.flatnonzero((labels_SC[:, c] == 0) & (folds_S == folds_S[i])):
                right += scores_SC[i, c] > scores_SC[j, c]
                pairs += 1
        values.append(right / pairs)
        right = pairs = 0.0
    assert within_folds("auroc", scores_SC, labels_SC, folds_S) == pytest.approx(np.mean(values), abs=1e-12)


def test_one_fold_is_the_plain_measure_and_unknown_labels_are_left_out():
    scores_SC, labels_SC, _ = drawn(1)
    labels_SC[:7, 0] = np.nan
    known = [~np.isnan(labels_SC[:, c]) for c in range(2)]
    one = np.zeros(120, int)
    for measure, peer in (("auroc", roc_auc_score), ("auprc", average_precision_score)):
        values = [peer(labels_SC[known[c], c], scores_SC[known[c], c]) for c in range(2)]
        assert within_folds(measure, scores_SC, labels_SC, one) == pytest.approx(np.mean(values), abs=1e-12)


def test_a_fold_with_one_label_only_adds_nothing():
    scores_SC = np.array([[0.0], [1.0], [5.0], [9.0]])
    labels_SC = np.array([[0.0], [1.0], [1.0], [1.0]])
    assert within_folds("auroc", scores_SC, labels_SC, np.array([0, 0, 1, 1])) == 1.0
    assert math.isnan(within_folds("auroc", scores_SC, np.ones((4, 1)), np.array([0, 0, 1, 1])))


def test_calls_are_those_of_the_highest_score():
    scores_SC = np.array([[3.0, 1.0, 0.0], [0.0, 2.0, 1.0], [5.0, 0.0, 4.0], [0.0, 0.0, 1.0]])
    labels_SC = np.eye(3)[[0, 1, 2, 2]]
    assert of_calls("accuracy", scores_SC, labels_SC) == 0.75
    peer = f1_score([0, 1, 2, 2], scores_SC.argmax(1), average="macro")
    assert of_calls("macro_f1", scores_SC, labels_SC) == pytest.approx(peer)
    assert math.isnan(of_calls("accuracy", scores_SC[:0], labels_SC[:0]))
