"""How good vectors are before anything is learned on top of them: spread, rank, alignment, and what neighbours know.

Letters: N samples, Q queries, K neighbours, D width, C classes.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vesalius.metrics.classify import rank_classes

Floats = NDArray[np.float64]
_TINY = 1e-12
_ROWS = 1024
"""Rows of similarities that are in memory at a time."""


def spread(vectors_ND: ArrayLike) -> float:
    """Standard deviation of each number of vectors of length 1, times sqrt(D): 0 collapsed, 1 where they go everywhere.

    As watched with SimSiam (arXiv:2011.10566, section 4.1). NaN for fewer than two vectors.

    Example:
        >>> spread([[1.0, 1.0], [2.0, 2.0]]), round(spread([[1, 0], [-1, 0], [0, 1], [0, -1]]), 6)
        (0.0, 1.0)
    """
    rows = _unit(vectors_ND)
    if len(rows) < 2:
        return math.nan
    return float(rows.std(axis=0).mean() * math.sqrt(rows.shape[1]))


def effective_rank(vectors_ND: ArrayLike) -> float:
    """Exponential of the entropy of the singular values (Roy and Vetterli 2007; RankMe, arXiv:2210.02885).

    From 1, all vectors along one line, to min(N, D). The mean is not subtracted: equal vectors have rank 1.

    Example:
        >>> round(effective_rank(np.eye(4)), 6), round(effective_rank(np.ones((5, 3))), 6)
        (4.0, 1.0)
    """
    values = np.linalg.svd(np.asarray(vectors_ND, dtype=np.float64), compute_uv=False)
    total = values.sum()
    if total <= _TINY:
        return 1.0
    shares = values[values > 0] / total
    return float(np.exp(-(shares * np.log(shares)).sum()))


def alignment(first_ND: ArrayLike, second_ND: ArrayLike) -> float:
    """Mean squared distance of the two views of a sample, at length 1: 0 is best (arXiv:2005.10242, alpha = 2).

    Example:
        >>> alignment([[2.0, 0.0]], [[0.0, 3.0]])
        2.0
    """
    return float(((_unit(first_ND) - _unit(second_ND)) ** 2).sum(axis=1).mean())


def uniformity(vectors_ND: ArrayLike) -> float:
    """Logarithm of the mean of exp(-2 squared distance) over all pairs, at length 1: lower is better, 0 is collapsed.

    arXiv:2005.10242, t = 2. NaN for fewer than two vectors.

    Example:
        >>> round(uniformity([[1.0, 0.0], [-1.0, 0.0]]), 6)
        -8.0
    """
    rows = _unit(vectors_ND)
    count = len(rows)
    if count < 2:
        return math.nan
    total = 0.0
    for start in range(0, count, _ROWS):
        squares = np.clip(2 - 2 * rows[start : start + _ROWS] @ rows.T, 0, None)
        total += float(np.exp(-2 * squares).sum())
    return math.log(max((total - count) / (count * (count - 1)), _TINY))


def mean_pair_cosine(vectors_GND: ArrayLike) -> float:
    """Mean cosine of the different pairs of vectors within a group, over all groups G; 1 where they are all alike.

    Example:
        >>> mean_pair_cosine([[[1.0, 0.0], [2.0, 0.0]], [[1.0, 0.0], [0.0, 3.0]]])
        0.5
    """
    groups = np.asarray(vectors_GND, dtype=np.float64)
    count = groups.shape[1]
    if count < 2:
        return math.nan
    unit = _unit(groups.reshape(-1, groups.shape[2])).reshape(groups.shape)
    sums = (unit.sum(axis=1) ** 2).sum(axis=1)
    return float(((sums - (unit**2).sum(axis=(1, 2))) / (count * (count - 1))).mean())


def correlation(given: ArrayLike, predicted: ArrayLike) -> float:
    """Pearson's correlation of all numbers; 0 where one of both never changes: nothing is known of the other.

    Example:
        >>> correlation([0.0, 1.0, 2.0], [1.0, 3.0, 5.0]), correlation([0.0, 1.0], [0.5, 0.5])
        (1.0, 0.0)
    """
    x, y = (np.asarray(numbers, dtype=np.float64).ravel() for numbers in (given, predicted))
    x, y = x - x.mean(), y - y.mean()
    scale = math.sqrt(float(x @ x) * float(y @ y))
    return 0.0 if scale <= _TINY else round(float(x @ y) / scale, 12)


def neighbour_auroc(
    train_ND: ArrayLike,
    labels_NC: ArrayLike,
    queries_QD: ArrayLike,
    truth_QC: ArrayLike,
    neighbours: int = 20,
    temperature: float = 0.07,
) -> float:
    """Mean AUROC over classes where the nearest labelled vectors vote (weighted kNN, arXiv:1805.01978).

    The score of a class is the mean of its labels over the K most similar vectors that have one, weighted by
    exp(cosine / temperature).

    Args:
        train_ND: vectors with labels.
        labels_NC: 0, 1, a probability, or NaN for unknown.
        queries_QD: vectors to judge, of other patients.
        truth_QC: their labels; NaN for unknown.
        neighbours: K.
        temperature: of the weights.

    Returns:
        NaN where no class can be judged.
    """
    labels, truth = np.asarray(labels_NC, np.float64), np.asarray(truth_QC, np.float64)
    similar_QN = _unit(queries_QD) @ _unit(train_ND).T
    scores_QC = np.full(truth.shape, 0.5)
    for number, column_N in enumerate(labels.T):
        known = np.flatnonzero(~np.isnan(column_N))
        if not known.size:
            continue
        near_QN = similar_QN[:, known]
        best_QK = np.argsort(-near_QN, axis=1, kind="stable")[:, :neighbours]
        picked_QK = np.take_along_axis(near_QN, best_QK, 1)
        weights_QK = np.exp((picked_QK - picked_QK[:, :1]) / temperature)
        scores_QC[:, number] = (weights_QK * column_N[known][best_QK]).sum(1) / weights_QK.sum(1)
    return _mean_auroc(scores_QC, truth)


def probe_auroc(train_ND: ArrayLike, labels_NC: ArrayLike, queries_QD: ArrayLike, truth_QC: ArrayLike) -> float:
    """Mean AUROC over classes of a linear probe: logistic regression on standardized vectors, one for each class.

    Args:
        train_ND: vectors with labels.
        labels_NC: 0, 1, a probability (cut at 0.5), or NaN for unknown.
        queries_QD: vectors to judge, of other patients.
        truth_QC: their labels; NaN for unknown.

    Returns:
        NaN where no class can be judged.
    """
    train, queries = np.asarray(train_ND, np.float64), np.asarray(queries_QD, np.float64)
    labels, truth = np.asarray(labels_NC, np.float64), np.asarray(truth_QC, np.float64)
    scores_QC = np.zeros(truth.shape)
    for number, column_N in enumerate(labels.T):
        known = ~np.isnan(column_N)
        is_positive = column_N[known] >= 0.5
        if is_positive.all() or not is_positive.any():
            continue
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
        scores_QC[:, number] = probe.fit(train[known], is_positive).decision_function(queries)
    return _mean_auroc(scores_QC, truth)


def _mean_auroc(scores_QC: Floats, truth_QC: Floats) -> float:
    """Leave probabilities out of the truth: they say neither yes nor no."""
    if not truth_QC.size:
        return math.nan
    certain_QC = np.where((truth_QC == 0) | (truth_QC == 1), truth_QC, np.nan)
    return rank_classes(scores_QC, certain_QC).macro_auroc


def _unit(vectors_ND: ArrayLike) -> Floats:
    rows = np.asarray(vectors_ND, dtype=np.float64)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), _TINY)
