"""Temperatures and thresholds of all classes, chosen once on validation data and then fixed.

Test labels never influence the choice: `choose` takes validation data, and `OperatingPoint` is immutable.
A sample is called positive where its score is at least the threshold. Labels are 0, 1 or NaN (unknown, left out).
Letters: N samples, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vesalius.errors import InputError
from vesalius.metrics.calibration import cooled, fit_temperature
from vesalius.metrics.classify import known, score_pair, weighted_log_loss

SPECIFICITY = 0.9
Sharing = Literal["shared", "per_class"]


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


@dataclass(frozen=True)
class OperatingPoint:
    """Temperatures and thresholds chosen on validation data.

    Args:
        temperatures: one for each class, equal where they share one.
        thresholds: on the calibrated probabilities; NaN for a class without a validation negative.
        specificity: minimum specificity of each threshold on validation data.
        samples: number of validation samples.

    Example:
        >>> logits_NC = [[-3.0], [-2.0], [-1.0], [1.0], [2.0], [3.0]]
        >>> point = choose(logits_NC, [[0], [0], [1], [0], [1], [1]], specificity=1.0)
        >>> (decided,) = point.judge([[0.5], [2.5]], [[1], [1]])
        >>> decided.true_positive, decided.false_negative
        (1, 1)
    """

    temperatures: tuple[float, ...]
    thresholds: tuple[float, ...]
    specificity: float
    samples: int

    def probabilities(self, logits_NC: ArrayLike) -> NDArray[np.float64]:
        """Calibrated probabilities (N, C)."""
        return cooled(logits_NC, self.temperatures)

    def log_odds(self, logits_NC: ArrayLike) -> NDArray[np.float64]:
        """Logarithm of p / (1 - p), (N, C): what samples are ranked by."""
        return np.asarray(logits_NC, dtype=np.float64) / np.asarray(self.temperatures)

    def log_loss(self, logits_NC: ArrayLike, labels_NC: ArrayLike, weights_C: Sequence[float]) -> float:
        """Weighted cross-entropy of the probabilities, see `weighted_log_loss`."""
        return weighted_log_loss(self.probabilities(logits_NC), labels_NC, weights_C)

    def as_trained(self) -> OperatingPoint:
        """The same with all temperatures 1."""
        return replace(self, temperatures=(1.0,) * len(self.temperatures))

    def judge(self, logits_NC: ArrayLike, labels_NC: ArrayLike) -> tuple[Decisions | None, ...]:
        """Apply the thresholds to other samples, class by class; None where a class has no threshold.

        Raises:
            ValueError: shapes differ, or a logit or label is invalid.
        """
        logits, labels = score_pair(logits_NC, labels_NC, axes=2)
        scores = self.probabilities(logits)
        return tuple(
            None if math.isnan(threshold) else decide(scores[:, c], labels[:, c], threshold)
            for c, threshold in enumerate(self.thresholds)
        )


def choose(
    logits_NC: ArrayLike, labels_NC: ArrayLike, *, specificity: float = SPECIFICITY, sharing: Sharing = "shared"
) -> OperatingPoint:
    """Choose temperatures and thresholds on validation data.

    Args:
        logits_NC: of validation samples.
        labels_NC: 0, 1 or NaN.
        specificity: minimum specificity of the thresholds.
        sharing: one temperature for all classes, or one for each (1 for a class without a positive or a negative).

    Raises:
        InputError: the temperature is shared, and no positive or no negative of any class is known.
        ValueError: shapes differ, or a logit or label is invalid.
    """
    logits, labels = score_pair(logits_NC, labels_NC, axes=2)
    columns = list(zip(logits.T, labels.T, strict=True))
    if sharing == "shared":
        temperatures = [fit_temperature(logits, labels)] * len(columns)
    else:
        temperatures = [fit_temperature(*column) if {0.0, 1.0} <= set(column[1]) else 1.0 for column in columns]
    scores = cooled(logits, temperatures)
    thresholds = tuple(
        threshold_at_specificity(scores[:, c], labels[:, c], specificity) if (labels[:, c] == 0).any() else math.nan
        for c in range(logits.shape[1])
    )
    return OperatingPoint(tuple(temperatures), thresholds, specificity, len(logits))


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
