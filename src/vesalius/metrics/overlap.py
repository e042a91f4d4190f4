"""Overlap of two label masks.

Labels are whole numbers; 0 is background. A class that neither mask holds is *absent*: its measure is NaN, so it is
left out of means and never counts as agreement. A class that only one mask holds has an overlap of 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def dice(predicted: ArrayLike, reference: ArrayLike, classes: Iterable[int] | None = None) -> dict[int, float]:
    """Dice overlap of each class: 2 |A and B| / (|A| + |B|).

    Args:
        predicted: labels, any shape.
        reference: labels of the same shape.
        classes: labels to measure; by default those that either mask holds, without 0.

    Returns:
        label -> overlap from 0 to 1; NaN where the class is absent from both masks.

    Raises:
        ValueError: the shapes differ, or values are not whole numbers.

    Example:
        >>> dice([0, 1, 1, 2], [0, 1, 2, 2], classes=(1, 2, 3))
        {1: 0.6666666666666666, 2: 0.6666666666666666, 3: nan}
    """
    found, truth = label_pair(predicted, reference)
    wanted = labels_of(found, truth) if classes is None else tuple(classes)
    return {label: _dice(found == label, truth == label) for label in wanted}


def labels_of(*masks: ArrayLike) -> tuple[int, ...]:
    """The labels that any mask holds, without 0, in rising order."""
    labels = {int(value) for mask in masks for value in np.unique(np.asarray(mask))}
    return tuple(sorted(labels - {0}))


def label_pair(predicted: ArrayLike, reference: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """Both masks as arrays. Raises ValueError where shapes differ or values are neither whole numbers nor bools."""
    found, truth = np.asarray(predicted), np.asarray(reference)
    if found.shape != truth.shape:
        raise ValueError(f"shapes {found.shape} and {truth.shape} differ")
    if found.dtype.kind not in "biu" or truth.dtype.kind not in "biu":
        raise ValueError(f"labels of dtype {found.dtype} and {truth.dtype} are not whole numbers")
    return found, truth


def _dice(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    size = int(np.count_nonzero(found)) + int(np.count_nonzero(truth))
    return 2 * int(np.count_nonzero(found & truth)) / size if size else math.nan
