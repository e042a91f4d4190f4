import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from vesalius.tasks.evaluate.arms.predictions import CellPredictions
from vesalius.tasks.evaluate.label_efficiency.curve import curve


def predictions(seed, gain, folds=1, count=60):
    """Two pictures of each of 30 patients; labels do not depend on the seed, scores do."""
    labels_SC = (np.arange(count) // 2 % 2).astype(float)[:, None]
    logits_SC = np.random.default_rng(seed).normal(0, 1, (count, 1)) + gain * labels_SC
    keys = tuple(("0", str(number), "") for number in range(count))
    owners = tuple((str(number // 2), True) for number in range(count))
    return CellPredictions(keys, owners, np.arange(count) % folds, ("sick",), logits_SC, labels_SC)


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
