import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from vesalius.tasks.evaluate.label_efficiency.curve import curve, within_folds
from vesalius.tasks.evaluate.label_efficiency.predictions import CellPredictions


def drawn(seed, count=120, folds=3):
    draw = np.random.default_rng(seed)
    labels_SC = draw.integers(0, 2, (count, 2)).astype(float)
    return draw.normal(0, 1, (count, 2)) + labels_SC, labels_SC, np.arange(count) % folds


def predictions(seed, gain, folds=1, count=60):
    """Two pictures of each of 30 patients; labels do not depend on the seed, scores do."""
    labels_SC = (np.arange(count) // 2 % 2).astype(float)[:, None]
    logits_SC = np.random.default_rng(seed).normal(0, 1, (count, 1)) + gain * labels_SC
    keys = tuple(("0", str(number), "") for number in range(count))
    owners = tuple((str(number // 2), True) for number in range(count))
    return CellPredictions(keys, owners, np.arange(count) % folds, ("sick",), logits_SC, labels_SC)


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


def test_points_are_means_over_seeds_and_differences_are_paired():
    table = {
        (10.0, "scratch"): {0: predictions(0, 0.5), 1: predictions(1, 0.5)},
        (10.0, "pretrained"): {0: predictions(0, 2.5), 1: predictions(1, 2.5), 2: predictions(2, 2.5)},
    }
    points, (difference,) = curve("auroc", table, "scratch")
    by_arm = {point.arm: point for point in points}
    for (_, arm), seeds in table.items():
        values = [roc_auc_score(one.labels_SC[:, 0], one.logits_SC[:, 0]) for one in seeds.values()]
        assert by_arm[arm].value == pytest.approx(np.mean(values))
        assert by_arm[arm].spread == pytest.approx(np.std(values, ddof=1))
    both = [by_arm["pretrained"].seeds[seed] - by_arm["scratch"].seeds[seed] for seed in (0, 1)]
    assert difference.value == pytest.approx(np.mean(both))
    assert difference.interval.patients == 30
    assert difference.interval.low < difference.value < difference.interval.high


def test_an_arm_without_a_counterpart_has_no_difference():
    points, differences = curve("auroc", {(10.0, "probe"): {0: predictions(0, 1.0)}}, "scratch")
    assert [point.arm for point in points] == ["probe"]
    assert differences == []
    assert math.isnan(points[0].spread)
