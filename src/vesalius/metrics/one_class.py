"""Classes of which each sample has exactly one: softmax probabilities, accuracy, macro F1, recall of each class.

A label is a row with one 1; a row without a 1 is unknown and left out. Letters: N samples, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_softmax, logsumexp, softmax

from vesalius.errors import InputError
from vesalius.metrics.bootstrap import Rows, with_intervals
from vesalius.metrics.calibration import best_temperature
from vesalius.metrics.classify import score_pair
from vesalius.metrics.drawn import Owner
from vesalius.metrics.operating import Decisions, OperatingPoint

UNKNOWN = -1
Activation = Literal["sigmoid", "softmax"]
"""From logits to probabilities: several classes may hold at once, or exactly one does."""


@dataclass(frozen=True)
class OneClassPoint(OperatingPoint):
    """The temperature of a softmax, chosen on validation data; the class of the highest probability is called.

    Example:
        >>> point = OneClassPoint((2.0, 2.0), (math.nan, math.nan), math.nan, 8)
        >>> point.probabilities([[2.0, 0.0]]).round(2).tolist()
        [[0.73, 0.27]]
    """

    def probabilities(self, logits_NC: ArrayLike) -> NDArray[np.float64]:
        """Calibrated probabilities (N, C), each row of sum 1."""
        p_NC: NDArray[np.float64] = softmax(self._cooled(logits_NC), axis=1)
        return p_NC

    def log_odds(self, logits_NC: ArrayLike) -> NDArray[np.float64]:
        """Logarithm of p / (1 - p), see `softmax_log_odds`."""
        return softmax_log_odds(self._cooled(logits_NC))

    def judge(self, logits_NC: ArrayLike, labels_NC: ArrayLike) -> tuple[Decisions | None, ...]:
        """Call one class of each sample."""
        logits, labels = score_pair(logits_NC, labels_NC, axes=2)
        matrix = confusion(logits.argmax(1), true_class(labels), labels.shape[1])
        right, true, called = np.diag(matrix), matrix.sum(1), matrix.sum(0)
        return tuple(
            Decisions(
                math.nan, int(hits), int(calls - hits), int(matrix.sum() - cases - calls + hits), int(cases - hits)
            )
            for hits, cases, calls in zip(right, true, called, strict=True)
        )

    def log_loss(self, logits_NC: ArrayLike, labels_NC: ArrayLike, weights_C: Sequence[float]) -> float:
        """Mean of -log p of the true class; classes have no weights. NaN where no class is known."""
        del weights_C
        logits, labels = score_pair(logits_NC, labels_NC, axes=2)
        true = true_class(labels)
        known = true != UNKNOWN
        if not known.any():
            return math.nan
        return float(-log_softmax(self._cooled(logits)[known], axis=1)[np.arange(known.sum()), true[known]].mean())

    def _cooled(self, logits_NC: ArrayLike) -> NDArray[np.float64]:
        return np.asarray(logits_NC, dtype=np.float64) / np.asarray(self.temperatures)


def choose_one_class(logits_NC: ArrayLike, labels_NC: ArrayLike) -> OneClassPoint:
    """Choose the temperature T for which softmax(logits / T) fits the labels best (arXiv:1706.04599).

    The cross-entropy is convex in 1 / T, so there is one minimum; T is 1 where every sample is called without error.

    Args:
        logits_NC: of validation samples, never of test samples.
        labels_NC: rows with one 1; others are left out.

    Raises:
        InputError: no validation sample has a class.
        ValueError: shapes differ, or a logit or label is invalid.
    """
    logits, labels = score_pair(logits_NC, labels_NC, axes=2)
    count = logits.shape[1]

    def point(temperature: float) -> OneClassPoint:
        return OneClassPoint((temperature,) * count, (math.nan,) * count, math.nan, len(logits))

    def loss(temperature: float) -> float:
        return point(temperature).log_loss(logits, labels, ())

    if math.isnan(loss(1.0)):
        raise InputError("no validation sample has a class", fix="choose the temperature on labelled cases")
    return point(best_temperature(loss))


def softmax_log_odds(logits_NC: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log(p / (1 - p)) of softmax probabilities: the logit of a class over those of all others together.

    Samples are ranked by it. Logits alone do not rank them: what a softmax says of a class depends on the other logits.

    Example:
        >>> softmax_log_odds(np.array([[1.0, 0.0, 0.0], [2.0, 3.0, 0.0]]))[:, 0].round(2).tolist()
        [0.31, -1.05]
    """
    others = ~np.eye(logits_NC.shape[1], dtype=bool)
    rest = [logsumexp(logits_NC[:, kept], axis=1) for kept in others]
    return logits_NC - np.stack(rest, axis=1)


def true_class(labels_NC: ArrayLike) -> NDArray[np.intp]:
    """Return the class of each sample, -1 where it is unknown.

    Example:
        >>> true_class([[0, 1], [1, 0], [0, 0], [np.nan, 1]]).tolist()
        [1, 0, -1, 1]
    """
    is_true = np.asarray(labels_NC) == 1
    return np.where(is_true.sum(1) == 1, is_true.argmax(1), UNKNOWN)


def confusion(called_N: NDArray[np.intp], true_N: NDArray[np.intp], classes: int) -> NDArray[np.int64]:
    """Return how many samples of each true class (row) were called each class (column); unknown ones are left out."""
    known = true_N != UNKNOWN
    counts = np.bincount(true_N[known] * classes + called_N[known], minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.int64)


def recalls(matrix_CC: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of the samples of each class that are called so; NaN for a class without samples."""
    cases = matrix_CC.sum(1)
    return np.where(cases > 0, np.diag(matrix_CC) / np.maximum(cases, 1), np.nan)


def accuracy(matrix_CC: NDArray[np.int64]) -> float:
    """Share of all samples that are called what they are; NaN without samples."""
    return float(np.trace(matrix_CC) / matrix_CC.sum()) if matrix_CC.sum() else math.nan


def macro_f1(matrix_CC: NDArray[np.int64]) -> float:
    """Mean over classes of 2 TP / (2 TP + FP + FN), without classes that are neither there nor called.

    Example:
        >>> round(macro_f1(np.array([[8, 2], [1, 9]])), 3)
        0.85
    """
    sums = matrix_CC.sum(0) + matrix_CC.sum(1)
    present = sums > 0
    return float((2 * np.diag(matrix_CC)[present] / sums[present]).mean()) if present.any() else math.nan


def one_class_measures(
    scores_NC: NDArray[np.float64], labels_NC: NDArray[np.float32], owners: Sequence[Owner], classes: Sequence[str]
) -> dict[str, Any]:
    """Measure the calls of the highest score, with bootstrap intervals over the owners.

    Returns:
        JSON-able: {"accuracy", "macro_f1", "worst_recall", "recall": {class: measure}} with measures {"value",
        "interval"}, and "confusion": rows of the true classes, columns of the called ones.
    """
    called, true, count = scores_NC.argmax(1), true_class(labels_NC), len(classes)

    def values(rows: Rows) -> list[float]:
        matrix = confusion(called[rows], true[rows], count)
        by_class = recalls(matrix)
        worst = float(np.nanmin(by_class)) if np.isfinite(by_class).any() else math.nan
        return [accuracy(matrix), macro_f1(matrix), worst, *by_class.tolist()]

    measures = with_intervals(values, owners)
    return {
        **dict(zip(("accuracy", "macro_f1", "worst_recall"), measures, strict=False)),
        "recall": dict(zip(classes, measures[3:], strict=True)),
        "confusion": confusion(called, true, count).tolist(),
    }
