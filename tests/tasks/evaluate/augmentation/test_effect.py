import math

import numpy as np
import pytest

from vesalius.metrics.bootstrap import Interval
from vesalius.tasks.evaluate.arms.measures import within_folds
from vesalius.tasks.evaluate.arms.predictions import CellPredictions
from vesalius.tasks.evaluate.augmentation.effect import Gain, effects


def predictions(seed, gain, patients=40):
    """Two pictures of each patient."""
    count = 2 * patients
    labels_SC = (np.arange(count) // 2 % 2).astype(float)[:, None]
    logits_SC = np.random.default_rng(seed).normal(0, 1, (count, 1)) + gain * labels_SC
    keys = tuple(("0", str(number), "") for number in range(count))
    owners = tuple((str(number // 2), True) for number in range(count))
    return CellPredictions(keys, owners, np.zeros(count, int), ("sick",), logits_SC, labels_SC)


def auroc(one, rows):
    return within_folds("auroc", one.logits_SC[rows], one.labels_SC[rows], one.folds_S[rows])


def test_values_are_means_over_seeds_and_gains_take_common_seeds():
    table = {
        "real": {n: predictions(n, 0.5) for n in range(3)},
        "synthetic": {n: predictions(n, 1.5) for n in range(2)},
    }
    (real, synthetic), (gain,) = effects(auroc, table, [("synthetic", "real"), ("classical", "real")])
    every = np.arange(80)
    assert real.value == pytest.approx(np.mean([auroc(one, every) for one in table["real"].values()]))
    assert list(gain.seeds) == [0, 1]
    assert gain.value == pytest.approx(np.mean([synthetic.seeds[n] - real.seeds[n] for n in range(2)]))
    assert gain.interval.patients == 40
    assert gain.interval.low < gain.value < gain.interval.high


def test_differences_are_paired_over_patients_and_seeds():
    """Arms that differ by a hair in every cell: each varies a lot, their difference does not."""
    real = {n: predictions(n, 0.3 + n) for n in range(4)}
    better = {
        n: CellPredictions(
            one.keys, one.owners, one.folds_S, one.classes, one.logits_SC + 0.05 * one.labels_SC, one.labels_SC
        )
        for n, one in real.items()
    }
    (first, _), (gain,) = effects(auroc, {"real": real, "synthetic": better}, [("synthetic", "real")])
    assert gain.interval.high - gain.interval.low < 0.2 * (first.interval.high - first.interval.low)


def test_seeds_that_disagree_widen_the_interval():
    same = {n: predictions(0, 1.0) for n in range(4)}
    unlike = {n: predictions(0, gain) for n, gain in enumerate((-1.0, 0.5, 1.5, 3.0))}
    (alike, varied), _ = effects(auroc, {"a": same, "b": unlike}, [])
    assert alike.interval.high - alike.interval.low < varied.interval.high - varied.interval.low
    assert alike.spread == 0 < varied.spread


def test_few_patients_give_no_interval():
    table = {arm: {0: predictions(0, 1.0, patients=9)} for arm in ("real", "synthetic")}
    (real, _), (gain,) = effects(auroc, table, [("synthetic", "real")])
    assert (real.interval, gain.interval, gain.effect) == (None, None, "unknown")
    assert math.isnan(real.spread)


@pytest.mark.parametrize(
    ("low", "high", "effect"), [(0.01, 0.05, "helps"), (-0.05, -0.01, "harms"), (-0.01, 0.02, "not shown")]
)
def test_the_effect_is_what_the_interval_says(low, high, effect):
    gain = Gain("synthetic", "real", (low + high) / 2, Interval(low, high, 0.95, 40), {})
    assert gain.effect == effect
