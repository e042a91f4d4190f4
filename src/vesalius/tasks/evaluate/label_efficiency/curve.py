"""Measures of each share and arm with their uncertainty, and paired differences of arms.

A measure is taken within each fold and averaged over the folds, see `arms.measures`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vesalius.metrics.bootstrap import Interval, Rows, clustered_intervals
from vesalius.tasks.evaluate.arms.measures import within_folds
from vesalius.tasks.evaluate.arms.predictions import CellPredictions
from vesalius.tasks.evaluate.label_efficiency.options import Measure

Arm = tuple[float, str]
"""Share in percent, and arm."""


@dataclass(frozen=True)
class ArmPoint:
    """A share and arm.

    Args:
        percent: of the training patients.
        arm: name.
        value: mean over the seeds; NaN where it cannot be measured.
        interval: of this mean, over patients; None where there is none.
        seeds: value of each seed.
    """

    percent: float
    arm: str
    value: float
    interval: Interval | None
    seeds: dict[int, float]

    @property
    def spread(self) -> float:
        """Standard deviation over the seeds; NaN for one."""
        return float(np.std(list(self.seeds.values()), ddof=1)) if len(self.seeds) > 1 else math.nan


@dataclass(frozen=True)
class Difference:
    """An arm minus another at one share: of the same cases, patients drawn and seeds.

    Args:
        percent: of the training patients.
        arm: the arm.
        minus: the arm that is subtracted.
        value: mean over the seeds that both have.
        interval: over patients, who are drawn for both arms at once.
        seeds: difference of each seed.
    """

    percent: float
    arm: str
    minus: str
    value: float
    interval: Interval | None
    seeds: dict[int, float]


def curve(
    measure: Measure, predictions: Mapping[Arm, Mapping[int, CellPredictions]], minus: str
) -> tuple[list[ArmPoint], list[Difference]]:
    """Measure every share and arm, and the differences from the arm `minus`; all intervals share their draws.

    Args:
        measure: what is measured.
        predictions: (percent, arm) -> seed -> predictions, all of the same samples.
        minus: the arm to compare with.
    """
    labels = next(iter(next(iter(predictions.values())).values()))
    compared = [(percent, arm) for percent, arm in predictions if arm != minus and (percent, minus) in predictions]
    pairs = {arm: [seed for seed in predictions[arm] if seed in predictions[arm[0], minus]] for arm in compared}
    pairs = {arm: seeds for arm, seeds in pairs.items() if seeds}

    def by_seed(rows: Rows) -> dict[Arm, dict[int, float]]:
        labels_SC, folds_S = labels.labels_SC[rows], labels.folds_S[rows]
        return {
            arm: {seed: within_folds(measure, one.logits_SC[rows], labels_SC, folds_S) for seed, one in seeds.items()}
            for arm, seeds in predictions.items()
        }

    def differences(values: Mapping[Arm, Mapping[int, float]]) -> list[dict[int, float]]:
        return [
            {seed: values[arm][seed] - values[arm[0], minus][seed] for seed in seeds} for arm, seeds in pairs.items()
        ]

    def means(rows: Rows) -> list[float]:
        values = by_seed(rows)
        return [float(np.mean(list(seeds.values()))) for seeds in [*values.values(), *differences(values)]]

    every_row = np.arange(len(labels.keys))
    values, value_means = by_seed(every_row), means(every_row)
    intervals = clustered_intervals(means, labels.owners)
    count = len(values)
    points = [
        ArmPoint(percent, arm, value, interval, values[percent, arm])
        for (percent, arm), value, interval in zip(values, value_means[:count], intervals[:count], strict=True)
    ]
    return points, [
        Difference(percent, arm, minus, value, interval, seeds)
        for (percent, arm), value, interval, seeds in zip(
            pairs, value_means[count:], intervals[count:], differences(values), strict=True
        )
    ]
