"""Temperatures and thresholds of all classes, chosen once on validation data and then fixed.

Nothing here ever sees the labels that are judged: `choose` gets validation data, `OperatingPoint.judge` cannot change
what was chosen. Letters: N samples, C classes.
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
    """What was chosen on validation data.

    Args:
        temperatures: one for each class, equal where they share one.
        thresholds: on the calibrated probabilities; NaN where validation knows no negative of a class.
        specificity: that each threshold has on validation data at least.
        samples: validation samples.
    """

    temperatures: tuple[float, ...]
    thresholds: tuple[float, ...]
    specificity: float
    samples: int

    def probabilities(self, logits_NC: ArrayLike) -> NDArray[np.float64]:
        """Calibrated probabilities (N, C)."""
        return cooled(logits_NC, self.temperatures)

    def judge(self, logits_NC: ArrayLike, labels_NC: ArrayLike) -> tuple[Decisions | None, ...]:
        """What the thresholds give on other samples, class by class; None where a class has no threshold.

        Raises:
            ValueError: shapes differ, or a logit or label is wrong.
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
        specificity: for which the thresholds are chosen.
        sharing: one temperature for all classes, or one for each.

    Raises:
        InputError: the temperature is shared, and no positive or no negative of any class is known.
        ValueError: shapes differ, or a logit or label is wrong.
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
