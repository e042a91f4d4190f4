"""What each arm reaches, and paired differences of arms, with intervals over test patients and seeds.

The interval is a percentile bootstrap of two levels: patients (or studies) of the test set are drawn, each with all its
pictures, and so are the seeds; all arms share both draws, so differences are paired. Letters: A draws, S samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vesalius.metrics.bootstrap import Interval, Rows, clustered_draws, percentile_interval
from vesalius.tasks.evaluate.arms.predictions import CellPredictions

Score = Callable[[CellPredictions, Rows], float]
"""Measures some rows of predictions."""
Effect = Literal["helps", "harms", "not shown", "unknown"]


@dataclass(frozen=True)
class ArmMeasure:
    """An arm.

    Args:
        arm: name.
        value: mean over the seeds; NaN where it cannot be measured.
        interval: of this mean; None where there is none.
        seeds: value of each seed.
    """

    arm: str
    value: float
    interval: Interval | None
    seeds: dict[int, float]

    @property
    def spread(self) -> float:
        """Standard deviation over the seeds; NaN for one."""
        return float(np.std(list(self.seeds.values()), ddof=1)) if len(self.seeds) > 1 else math.nan


@dataclass(frozen=True)
class Gain:
    """An arm minus another, of the same seeds and the same test cases.

    Args:
        arm: the arm.
        minus: the arm that is subtracted.
        value: mean over the seeds that both have.
        interval: of this mean; None where there is none.
        seeds: difference of each seed.
    """

    arm: str
    minus: str
    value: float
    interval: Interval | None
    seeds: dict[int, float]

    @property
    def effect(self) -> Effect:
        """What the interval says; without one nothing."""
        if self.interval is None or not math.isfinite(self.value):
            return "unknown"
        if self.interval.low > 0:
            return "helps"
        return "harms" if self.interval.high < 0 else "not shown"


def effects(
    score: Score,
    predictions: Mapping[str, Mapping[int, CellPredictions]],
    pairs: Sequence[tuple[str, str]],
    *,
    seed: int = 0,
) -> tuple[list[ArmMeasure], list[Gain]]:
    """Measure every arm and the differences of pairs of arms.

    Args:
        score: the measure.
        predictions: arm -> seed -> predictions, all of the same samples.
        pairs: (arm, arm that is subtracted); pairs without a common seed are left out.
        seed: of the draws.
    """
    cells = [(arm, number) for arm, seeds in predictions.items() for number in seeds]
    place = {cell: at for at, cell in enumerate(cells)}
    owners = predictions[cells[0][0]][cells[0][1]].owners

    def each(rows: Rows) -> list[float]:
        return [score(predictions[arm][number], rows) for arm, number in cells]

    values = np.array(each(np.arange(len(owners))))
    draws = clustered_draws(each, owners, seed=seed)
    chance = np.random.default_rng(seed).random(
        (0 if draws is None else len(draws), max(map(len, predictions.values())))
    )
    groups = len(set(owners))

    def interval(columns: NDArray[np.float64]) -> Interval | None:
        """Of the mean over columns (A, seeds), of which each draw takes as many as there are, with replacement."""
        count = columns.shape[1]
        chosen = (chance[:, :count] * count).astype(np.intp)
        return percentile_interval(np.take_along_axis(columns, chosen, axis=1).mean(axis=1), groups)

    measures, gains = [], []
    for arm, seeds in predictions.items():
        at = [place[arm, number] for number in seeds]
        found = None if draws is None else interval(draws[:, at])
        measures.append(
            ArmMeasure(arm, float(values[at].mean()), found, dict(zip(seeds, values[at].tolist(), strict=True)))
        )
    for arm, minus in pairs:
        both = [number for number in predictions.get(arm, ()) if number in predictions.get(minus, ())]
        if both:
            first, second = ([place[name, number] for number in both] for name in (arm, minus))
            found = None if draws is None else interval(draws[:, first] - draws[:, second])
            differences = values[first] - values[second]
            by_seed = dict(zip(both, differences.tolist(), strict=True))
            gains.append(Gain(arm, minus, float(differences.mean()), found, by_seed))
    return measures, gains
