"""Temperatures and thresholds of all classes, chosen once on validation data and then fixed.

Test labels never influence the choice: `choose` takes validation data, and `OperatingPoint` is immutable.
Letters: N samples, C classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vesalius.metrics.calibration import cooled, fit_temperature, fit_temperatures
from vesalius.metrics.classify import score_pair
from vesalius.metrics.threshold import Decisions, decide, threshold_at_specificity

SPECIFICITY = 0.9
Sharing = Literal["shared", "per_class"]


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
        sharing: one temperature for all classes, or one for each.

    Raises:
        InputError: the temperature is shared, and no positive or no negative of any class is known.
        ValueError: shapes differ, or a logit or label is invalid.
    """
    logits, labels = score_pair(logits_NC, labels_NC, axes=2)
    if sharing == "shared":
        temperatures = np.full(logits.shape[1], fit_temperature(logits, labels))
    else:
        temperatures = fit_temperatures(logits, labels)
    scores = cooled(logits, temperatures)
    thresholds = tuple(
        threshold_at_specificity(scores[:, c], labels[:, c], specificity) if (labels[:, c] == 0).any() else math.nan
        for c in range(logits.shape[1])
    )
    return OperatingPoint(tuple(temperatures.tolist()), thresholds, specificity, len(logits))
