"""What arms are compared by.

A ranking is measured within each fold and averaged over the folds: scores of different models are never compared with
each other. Letters: S samples, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vesalius.metrics.classify import auprc, auroc, macro
from vesalius.metrics.one_class import accuracy, confusion, macro_f1, true_class

Ranking = Literal["auroc", "auprc"]
Calls = Literal["accuracy", "macro_f1"]
NAMES: dict[str, str] = {"auroc": "AUROC", "auprc": "AUPRC", "accuracy": "accuracy", "macro_f1": "macro F1"}
"""Measure -> its name for people."""
_CALLS: dict[Calls, Callable[[NDArray[np.int64]], float]] = {"accuracy": accuracy, "macro_f1": macro_f1}
_MEASURES: dict[Ranking, Callable[[Any, Any], float]] = {"auroc": auroc, "auprc": auprc}


def within_folds(
    measure: Ranking, scores_SC: NDArray[np.float64], labels_SC: NDArray[np.float64], folds_S: NDArray[np.intp]
) -> float:
    """Mean over the classes of a measure within each fold, averaged over the folds.

    A fold counts by its pairs of a positive and a negative (AUROC: this is the share of all pairs within a fold that
    are in the right order) or by its positives (AUPRC).

    Returns:
        NaN where no fold holds both labels of any class.

    Example:
        >>> scores_SC = np.array([[0.1], [0.9], [5.1], [5.9]])  # the models of the folds use scales of their own
        >>> within_folds("auroc", scores_SC, np.array([[0.0], [1.0], [0.0], [1.0]]), np.array([0, 0, 1, 1]))
        1.0
    """
    parts = [folds_S == fold for fold in np.unique(folds_S)]
    return macro([_of_class(measure, scores_SC[:, c], labels_SC[:, c], parts) for c in range(labels_SC.shape[1])])


def _of_class(
    measure: Ranking,
    scores_S: NDArray[np.float64],
    labels_S: NDArray[np.float64],
    parts: Sequence[NDArray[np.bool_]],
) -> float:
    total = weights = 0.0
    for part in parts:
        labels = labels_S[part]
        positive, negative = int((labels == 1).sum()), int((labels == 0).sum())
        if positive and negative:
            weight = positive * negative if measure == "auroc" else positive
            total += weight * _MEASURES[measure](scores_S[part], labels)
            weights += weight
    return total / weights if weights else math.nan


def of_calls(measure: Calls, scores_SC: NDArray[np.float64], labels_SC: NDArray[np.float64]) -> float:
    """Measure the class of the highest score of each sample, of which each has one class; NaN without samples.

    Example:
        >>> of_calls("accuracy", np.array([[2.0, 1.0], [0.0, 3.0]]), np.array([[1.0, 0.0], [1.0, 0.0]]))
        0.5
    """
    return _CALLS[measure](confusion(scores_SC.argmax(1), true_class(labels_SC), labels_SC.shape[1]))
