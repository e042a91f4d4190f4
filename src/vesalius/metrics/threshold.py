"""From scores to decisions: a threshold is chosen on validation data and tested on other data.

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
    """Decisions of a threshold.

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
        """Share of positives that are called positive; NaN without positives."""
        return _share(self.true_positive, self.false_negative)

    @property
    def specificity(self) -> float:
        """Share of negatives that are called negative; NaN without negatives."""
        return _share(self.true_negative, self.false_positive)

    @property
    def positive_predictive_value(self) -> float:
        """Share of correct calls, which depends on the prevalence; NaN without calls."""
        return _share(self.true_positive, self.false_positive)


def threshold_at_specificity(scores_N: ArrayLike, labels_N: ArrayLike, specificity: float) -> float:
    """The lowest threshold with at least this specificity.

    It is one of the scores, or the next number above the highest where every score would call too many negatives.

    Args:
        scores_N: of validation samples, never of test samples.
        labels_N: 0, 1 or NaN.
        specificity: minimum share of negatives below the threshold, in (0, 1].

    Raises:
        InputError: no sample is known to be negative.
        ValueError: the specificity is out of range, shapes differ, or a score or label is invalid.

    Example:
        >>> threshold_at_specificity([0.1, 0.2, 0.3, 0.4, 0.9], [0, 0, 0, 0, 1], specificity=0.75)
        0.4
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
    """Apply a threshold to the samples with known labels.

    Raises:
        ValueError: shapes differ, or a score or label is invalid.
    """
    scores, labels = known(scores_N, labels_N)
    called = scores >= threshold
    counts = [int((called & labels).sum()), int((called & ~labels).sum())]
    counts += [int((~called & ~labels).sum()), int((~called & labels).sum())]
    return Decisions(float(threshold), *counts)


def _share(right: int, wrong: int) -> float:
    return right / (right + wrong) if right + wrong else math.nan
