"""Calibration of probabilities: calibration error, Brier score, and the temperature that corrects them.

Labels are 0, 1 or NaN (unknown, left out). Letters: N samples, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit

from vesalius.errors import InputError
from vesalius.metrics.classify import check_probabilities, known

BINS = 15
MOST_TEMPERATURE = 100.0
"""Temperatures are searched from 1/100 to 100."""
_EMPTY = (math.nan, math.nan)


@dataclass(frozen=True)
class Bin:
    """Samples of similar probability.

    Args:
        low: lower end, inside the bin.
        high: upper end, outside the bin unless it is 1.
        count: number of samples.
        probability: their mean probability; NaN in an empty bin.
        positive: share of positives; NaN in an empty bin.
    """

    low: float
    high: float
    count: int
    probability: float
    positive: float


def reliability(probabilities_N: ArrayLike, labels_N: ArrayLike, bins: int = BINS) -> tuple[Bin, ...]:
    """Bins of equal width from 0 to 1: predicted probability and observed share of positives.

    Raises:
        ValueError: a probability is outside [0, 1], a label is invalid, or `bins` is below 1.

    Example:
        >>> [(bin_.count, bin_.positive) for bin_ in reliability([0.1, 0.2, 0.9, 0.8], [0, 1, 1, 1], bins=2)]
        [(2, 0.5), (2, 1.0)]
    """
    if bins < 1:
        raise ValueError(f"{bins} bins")
    probabilities, labels = known(probabilities_N, labels_N)
    check_probabilities(probabilities)
    places = np.minimum((probabilities * bins).astype(int), bins - 1)
    counts = np.bincount(places, minlength=bins)
    sums, hits = (np.bincount(places, weights=values, minlength=bins) for values in (probabilities, labels))
    return tuple(
        Bin(b / bins, (b + 1) / bins, int(count), *((float(total / count), float(hit / count)) if count else _EMPTY))
        for b, (count, total, hit) in enumerate(zip(counts, sums, hits, strict=True))
    )


def calibration_error(probabilities_N: ArrayLike, labels_N: ArrayLike, bins: int = BINS) -> float:
    """Expected calibration error (ECE): mean over samples of |probability - share of positives| of their bin.

    Returns:
        NaN where no label is known.

    Raises:
        ValueError: as `reliability`.

    Example:
        >>> round(calibration_error([0.9, 0.9, 0.9, 0.9], [1, 1, 0, 0]), 3)
        0.4
    """
    filled = [bin_ for bin_ in reliability(probabilities_N, labels_N, bins) if bin_.count]
    gaps = [bin_.count * abs(bin_.probability - bin_.positive) for bin_ in filled]
    total = sum(bin_.count for bin_ in filled)
    return math.fsum(gaps) / total if total else math.nan


def brier(probabilities_N: ArrayLike, labels_N: ArrayLike) -> float:
    """Mean squared difference of probability and label; NaN where no label is known.

    Raises:
        ValueError: as `reliability`.
    """
    probabilities, labels = known(probabilities_N, labels_N)
    check_probabilities(probabilities)
    return float(np.square(probabilities - labels).mean()) if labels.size else math.nan


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """The temperature T for which sigmoid(logits / T) fits the labels best (arXiv 1706.04599, for single labels).

    It minimises the cross-entropy over all known entries, which is convex in 1 / T, so there is one minimum. The result
    is 1 where the logits separate the labels without error, and 100 where they are worse than chance.

    Args:
        logits: of validation samples, never of test samples; (N,) for one class, (N, C) for a shared T.
        labels: of the same shape.

    Raises:
        InputError: no positive or no negative is known.
        ValueError: shapes differ, or a logit or label is invalid.

    Example:
        >>> temperature = fit_temperature([8.0, 8.0, 8.0, -8.0], [1, 1, 0, 0])  # far too sure
        >>> temperature > 1
        True
        >>> cooled([8.0], temperature) < 0.9
        array([ True])
    """
    if np.shape(logits) != np.shape(labels):
        raise ValueError(f"logits {np.shape(logits)} and labels {np.shape(labels)}")
    values, truths = known(np.ravel(logits), np.ravel(labels))
    if not truths.any() or truths.all():
        what = "all validation labels are equal, which fits no temperature"
        raise InputError(what, fix="use validation cases of both kinds")
    signed = np.where(truths, -values, values)

    return best_temperature(lambda temperature: float(np.logaddexp(0, signed / temperature).mean()))


def best_temperature(loss: Callable[[float], float]) -> float:
    """The temperature of least loss, from 1/100 to 100; 1 where the loss falls down to 1/100.

    If the logits separate all samples, the loss has no minimum, and a temperature of 1/100 would give every later
    mistake a probability of nearly 1.
    """
    end = math.log(MOST_TEMPERATURE)
    found = minimize_scalar(lambda x: loss(math.exp(x)), bounds=(-end, end), method="bounded", options={"xatol": 1e-8})
    best = min((-end, end, float(found.x)), key=lambda x: loss(math.exp(x)))
    return 1.0 if best == -end else math.exp(best)


def cooled(logits: ArrayLike, temperature: ArrayLike) -> NDArray[np.float64]:
    """Probabilities sigmoid(logits / T); T is one number, or one for each class along the last axis.

    Raises:
        ValueError: a temperature is not positive.
    """
    temperatures = np.asarray(temperature, dtype=np.float64)
    if not (temperatures > 0).all():
        raise ValueError("a temperature is not positive")
    probabilities: NDArray[np.float64] = expit(np.asarray(logits, dtype=np.float64) / temperatures)
    return probabilities
