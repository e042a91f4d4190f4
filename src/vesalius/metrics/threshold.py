"""From scores to decisions: a threshold is chosen on validation data, and judged on other data.

A sample is called positive where its score is at least the threshold. Labels are 0, 1 or NaN (unknown, left out).
Letters: N samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from vesalius.errors import InputError
from vesalius.metrics.classify import known


@dataclass(frozen=True)
class Decisions:
    """What a threshold gives.

    Args:
        threshold: scores from here on are called positive.
        true_positive: positives called positive.
        false_positive: negatives called positive.
        true_negative: negatives called negative.
        false_negative: positives called negative.
    """

    threshold: float
    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int

    @property
    def sensitivity(self) -> float:
        """Share of the positives that are found; NaN without positives."""
        return _share(self.true_positive, self.false_negative)

    @property
    def specificity(self) -> float:
        """Share of the negatives that are left alone; NaN without negatives."""
        return _share(self.true_negative, self.false_positive)

    @property
    def positive_predictive_value(self) -> float:
        """Share of the calls that are right; it depends on the prevalence. NaN without calls."""
        return _share(self.true_positive, self.false_positive)


def threshold_at_specificity(scores_N: ArrayLike, labels_N: ArrayLike, specificity: float) -> float:
    """The lowest threshold at which at least this share of the negatives is left alone.

    It is one of the scores, or the next number above the highest where all of them would call too many negatives.

    Args:
        scores_N: of validation samples, never of those that the threshold is judged on.
        labels_N: 0, 1 or NaN.
        specificity: wanted, in (0, 1].

    Raises:
        InputError: no sample is known to be negative.
        ValueError: the specificity makes no sense, shapes differ, or a score or label is wrong.
    """
    if not 0 < specificity <= 1:
        raise ValueError(f"a specificity of {specificity}")
    scores, labels = known(scores_N, labels_N)
    negatives = np.sort(scores[~labels])
    if not negatives.size:
        raise InputError("no validation sample is known to be negative", fix="choose thresholds on more cases")
    needed = math.ceil(specificity * negatives.size - 1e-9)  # negatives that must lie below the threshold
    candidates = np.unique(scores)
    below = np.searchsorted(negatives, candidates, side="left")
    enough = np.flatnonzero(below >= needed)
    return float(candidates[enough[0]]) if enough.size else float(np.nextafter(candidates[-1], np.inf))


def decide(scores_N: ArrayLike, labels_N: ArrayLike, threshold: float) -> Decisions:
    """What a threshold gives on samples with known labels.

    Raises:
        ValueError: shapes differ, or a score or label is wrong.
    """
    scores, labels = known(scores_N, labels_N)
    called = scores >= threshold
    counts = [int((called & labels).sum()), int((called & ~labels).sum())]
    counts += [int((~called & ~labels).sum()), int((~called & labels).sum())]
    return Decisions(float(threshold), *counts)


def _share(right: int, wrong: int) -> float:
    return right / (right + wrong) if right + wrong else math.nan
