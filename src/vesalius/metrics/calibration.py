"""Do probabilities mean what they say? Calibration error, Brier score, and the temperature that mends it.

Labels are 0, 1 or NaN (unknown, left out). Letters: N samples, C classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit

from vesalius.errors import InputError
from vesalius.metrics.classify import check_probabilities, known, score_pair

BINS = 15
_LOG_TEMPERATURE = math.log(100.0)
"""Temperatures are sought from 1/100 to 100."""
_TINY = 1e-12
_NOTHING = (math.nan, math.nan)


@dataclass(frozen=True)
class Bin:
    """Samples whose probabilities lie close together.

    Args:
        low: lower end, counted in the bin.
        high: upper end, not counted, but for 1.
        count: samples.
        probability: their mean probability; NaN where there are none.
        positive: share that is positive; NaN where there are none.
    """

    low: float
    high: float
    count: int
    probability: float
    positive: float


def reliability(probabilities_N: ArrayLike, labels_N: ArrayLike, bins: int = BINS) -> tuple[Bin, ...]:
    """Bins of equal width from 0 to 1: predicted probability beside the share that came true.

    Raises:
        ValueError: a probability is outside [0, 1], a label is wrong, or there is no bin.
    """
    if bins < 1:
        raise ValueError(f"{bins} bins")
    probabilities, labels = known(probabilities_N, labels_N)
    check_probabilities(probabilities)
    places = np.minimum((probabilities * bins).astype(int), bins - 1)
    counts = np.bincount(places, minlength=bins)
    sums, hits = (np.bincount(places, weights=one, minlength=bins) for one in (probabilities, labels))
    return tuple(
        Bin(b / bins, (b + 1) / bins, int(count), *((float(total / count), float(hit / count)) if count else _NOTHING))
        for b, (count, total, hit) in enumerate(zip(counts, sums, hits, strict=True))
    )


def calibration_error(probabilities_N: ArrayLike, labels_N: ArrayLike, bins: int = BINS) -> float:
    """Expected calibration error (ECE): mean over samples of |probability - share that came true| of their bin.

    Returns:
        NaN where no label is known.

    Raises:
        ValueError: as `reliability`.
    """
    found = [one for one in reliability(probabilities_N, labels_N, bins) if one.count]
    total = sum(one.count for one in found)
    return math.fsum(one.count * abs(one.probability - one.positive) for one in found) / total if total else math.nan


def brier(probabilities_N: ArrayLike, labels_N: ArrayLike) -> float:
    """Mean squared difference of probability and label; NaN where no label is known.

    Raises:
        ValueError: as `reliability`.
    """
    probabilities, labels = known(probabilities_N, labels_N)
    check_probabilities(probabilities)
    return float(np.square(probabilities - labels).mean()) if labels.size else math.nan


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """The temperature T that makes sigmoid(logits / T) fit the labels best (arXiv 1706.04599, for single labels).

    The cross-entropy over all known entries is minimised; it is convex in 1 / T, so there is one best value. Where the
    logits separate the labels without error it would be 0, and 1/100 is given; where they are worse than nothing, 100.

    Args:
        logits: of validation samples, never of those that are judged; (N,) for one class, (N, C) for a T they share.
        labels: of the same shape.

    Raises:
        InputError: no positive or no negative is known.
        ValueError: shapes differ, or a logit or label is wrong.
    """
    if np.shape(logits) != np.shape(labels):
        raise ValueError(f"logits {np.shape(logits)} and labels {np.shape(labels)}")
    values, truths = known(np.ravel(logits), np.ravel(labels))
    if not truths.any() or truths.all():
        raise InputError("validation labels of one value tell no temperature", fix="use validation cases of both kinds")
    signed = np.where(truths, -values, values)

    def loss(log_temperature: float) -> float:
        return float(np.logaddexp(0, signed * math.exp(-log_temperature)).mean())

    bounds = (-_LOG_TEMPERATURE, _LOG_TEMPERATURE)
    best = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-8})
    return math.exp(min((*bounds, float(best.x)), key=loss))


def fit_temperatures(logits_NC: ArrayLike, labels_NC: ArrayLike) -> NDArray[np.float64]:
    """A temperature for each class, shape (C,); 1 where a class has no positive or no negative.

    Raises:
        ValueError: as `fit_temperature`.
    """
    logits, labels = score_pair(logits_NC, labels_NC, axes=2)
    columns = zip(logits.T, labels.T, strict=True)
    return np.array([fit_temperature(one, own) if {0.0, 1.0} <= set(own) else 1.0 for one, own in columns])


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


def to_logits(probabilities: ArrayLike) -> NDArray[np.float64]:
    """The logits that probabilities came from; clipped to [1e-12, 1 - 1e-12] first.

    Raises:
        ValueError: a probability is outside [0, 1].
    """
    values = np.asarray(probabilities, dtype=np.float64)
    check_probabilities(values)
    clipped = np.clip(values, _TINY, 1 - _TINY)
    logits: NDArray[np.float64] = np.log(clipped) - np.log1p(-clipped)
    return logits
