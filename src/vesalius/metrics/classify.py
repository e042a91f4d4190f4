"""How well scores separate classes: AUROC, AUPRC, log loss. Several labels may hold at once; some may be unknown.

Labels are 0, 1, or NaN for unknown; unknown entries are left out, class by class. A class without a known positive or
without a known negative is *absent*: its measure is NaN, and it is left out of the mean over classes.
Letters: N samples, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

ANY_WEIGHT = 2.0
"""Weight of the class "any" in the log loss of the RSNA 2019 challenge; the others weigh 1."""
_TINY = 1e-15


@dataclass(frozen=True)
class Ranking:
    """Measures that depend only on the order of the scores.

    Args:
        auroc: of each class, NaN where it is absent.
        auprc: of each class, the same.
        macro_auroc: mean over the classes that are not absent; NaN where all are.
        macro_auprc: the same.
        absent: indices of the absent classes.
    """

    auroc: tuple[float, ...]
    auprc: tuple[float, ...]
    macro_auroc: float
    macro_auprc: float
    absent: tuple[int, ...]


@dataclass(frozen=True)
class Prevalence:
    """Labels of one class.

    Args:
        positive: samples with label 1.
        negative: samples with label 0.
        unknown: samples without a label.
    """

    positive: int
    negative: int
    unknown: int

    @property
    def share(self) -> float:
        """Share of positives among the known labels; NaN without any."""
        known = self.positive + self.negative
        return self.positive / known if known else math.nan


def rank_classes(scores_NC: ArrayLike, labels_NC: ArrayLike) -> Ranking:
    """AUROC and AUPRC of each class and their means.

    Args:
        scores_NC: the higher, the more likely; any scale.
        labels_NC: 0, 1 or NaN.

    Raises:
        ValueError: shapes differ, a score is not finite, or a label is invalid.

    Example:
        >>> scores_NC = [[0.1, 3.0], [0.4, 2.0], [0.35, 1.0], [0.8, 0.0]]
        >>> ranking = rank_classes(scores_NC, [[0, 1], [0, 1], [1, 1], [1, 1]])
        >>> ranking.auroc[0], ranking.macro_auroc, ranking.absent  # the second class has no negative
        (0.75, 0.75, (1,))
    """
    scores, labels = score_pair(scores_NC, labels_NC, axes=2)
    columns = list(zip(scores.T, labels.T, strict=True))
    auroc_C, auprc_C = (np.array([measure(*column) for column in columns]) for measure in (auroc, auprc))
    absent = tuple(np.flatnonzero(np.isnan(auroc_C)).tolist())
    return Ranking(tuple(auroc_C.tolist()), tuple(auprc_C.tolist()), macro(auroc_C), macro(auprc_C), absent)


def aurocs(scores_NC: ArrayLike, labels_NC: ArrayLike) -> list[float]:
    """AUROC of each class alone, where the rest of `rank_classes` is not needed; NaN where a class is absent.

    Raises:
        ValueError: as `rank_classes`.
    """
    scores, labels = score_pair(scores_NC, labels_NC, axes=2)
    return [auroc(*column) for column in zip(scores.T, labels.T, strict=True)]


def auroc(scores_N: ArrayLike, labels_N: ArrayLike) -> float:
    """Area under the ROC curve: how often a positive scores higher than a negative; a tie counts half.

    Returns:
        NaN without a positive or without a negative.

    Raises:
        ValueError: as `rank_classes`.
    """
    scores, labels = known(scores_N, labels_N)
    positives, negatives = scores[labels], np.sort(scores[~labels])
    if not positives.size or not negatives.size:
        return math.nan
    below, not_above = (np.searchsorted(negatives, positives, side=side).sum() for side in ("left", "right"))
    return float(below + not_above) / (2 * positives.size * negatives.size)


def auprc(scores_N: ArrayLike, labels_N: ArrayLike) -> float:
    """Average precision: sum over falling thresholds of (gain in recall) x precision, without interpolation.

    Random scores reach the prevalence of the class.

    Returns:
        NaN without a positive or without a negative.

    Raises:
        ValueError: as `rank_classes`.
    """
    scores, labels = known(scores_N, labels_N)
    if not labels.any() or labels.all():
        return math.nan
    order = np.argsort(-scores, kind="stable")
    scores, hits = scores[order], np.cumsum(labels[order])
    last = np.append(np.flatnonzero(np.diff(scores)), scores.size - 1)  # the last sample of each threshold
    precision = hits[last] / (last + 1)
    gained = np.diff(hits[last], prepend=0) / hits[-1]
    return float((gained * precision).sum())


def macro(values_C: ArrayLike) -> float:
    """Mean over the classes that have a value; NaN without any."""
    values = np.asarray(values_C, dtype=np.float64)
    present = values[~np.isnan(values)]
    return float(present.mean()) if present.size else math.nan


def prevalence(labels_NC: ArrayLike) -> tuple[Prevalence, ...]:
    """Positives, negatives and unknown labels of each class."""
    labels = _checked(np.asarray(labels_NC, dtype=np.float64))
    counts = ((labels == 1).sum(axis=0), (labels == 0).sum(axis=0), np.isnan(labels).sum(axis=0))
    return tuple(Prevalence(*map(int, numbers)) for numbers in zip(*counts, strict=True))


def rsna_weights(names: Sequence[str]) -> tuple[float, ...]:
    """Class weights of the log loss of the RSNA challenge: "any" counts double."""
    return tuple(ANY_WEIGHT if name == "any" else 1.0 for name in names)


def weighted_log_loss(probabilities_NC: ArrayLike, labels_NC: ArrayLike, weights_C: Sequence[float]) -> float:
    """Binary cross-entropy, averaged over all known entries with a weight for each class.

    With `rsna_weights` this is the score of the RSNA Intracranial Hemorrhage Detection challenge (2019), in which every
    label is known and the weights of an image add up to 7. Probabilities are clipped to [1e-15, 1 - 1e-15].

    Returns:
        NaN where no label is known.

    Raises:
        ValueError: shapes differ, a probability is outside [0, 1], a label is invalid, or weights are not positive.
    """
    probabilities, labels = score_pair(probabilities_NC, labels_NC, axes=2)
    weights = np.asarray(weights_C, dtype=np.float64)
    if weights.shape != (labels.shape[1],) or not (weights > 0).all():
        raise ValueError(f"{weights.size} weights for {labels.shape[1]} classes, or one that is not positive")
    check_probabilities(probabilities)
    clipped = np.clip(probabilities, _TINY, 1 - _TINY)
    losses = -np.log(np.where(labels == 1, clipped, 1 - clipped))
    counted = np.where(np.isnan(labels), 0.0, weights)
    total = float(counted.sum())
    return float((losses * counted).sum() / total) if total else math.nan


def score_pair(scores: ArrayLike, labels: ArrayLike, axes: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both as float64 of equal shape. Raises ValueError as `rank_classes`."""
    values, truths = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if values.shape != truths.shape or values.ndim != axes:
        raise ValueError(f"scores {values.shape} and labels {truths.shape}, {axes} axes expected")
    if not np.isfinite(values).all():
        raise ValueError("a score is not finite")
    return values, _checked(truths)


def known(scores_N: ArrayLike, labels_N: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Scores of the samples with a known label, and these labels as bool. Raises ValueError as `rank_classes`."""
    scores, labels = score_pair(scores_N, labels_N, axes=1)
    kept = ~np.isnan(labels)
    return scores[kept], labels[kept] == 1


def check_probabilities(probabilities: NDArray[np.float64]) -> None:
    """Raise ValueError if a probability is below 0 or above 1."""
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError("a probability is outside [0, 1]")


def _checked(labels: NDArray[np.float64]) -> NDArray[np.float64]:
    if not (np.isnan(labels) | (labels == 0) | (labels == 1)).all():
        raise ValueError("a label is neither 0 nor 1 nor unknown (NaN)")
    return labels
