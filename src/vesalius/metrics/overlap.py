"""How much two label masks have in common.

Labels are whole numbers; 0 is background. A class that neither mask holds is *absent*: its measure is NaN, so that it
is left out of means and never counts as agreement. A class that only one of the two holds has an overlap of 0.
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
    """
    one, other = label_pair(predicted, reference)
    wanted = labels_of(one, other) if classes is None else tuple(classes)
    return {label: _dice(one == label, other == label) for label in wanted}


def labels_of(*masks: ArrayLike) -> tuple[int, ...]:
    """The labels that some mask holds, without 0, in rising order."""
    found = {int(value) for mask in masks for value in np.unique(np.asarray(mask))}
    return tuple(sorted(found - {0}))


def label_pair(predicted: ArrayLike, reference: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """Both masks as arrays. Raises ValueError where shapes differ or values are neither whole numbers nor truths."""
    one, other = np.asarray(predicted), np.asarray(reference)
    if one.shape != other.shape:
        raise ValueError(f"shapes {one.shape} and {other.shape} differ")
    if one.dtype.kind not in "biu" or other.dtype.kind not in "biu":
        raise ValueError(f"labels of dtype {one.dtype} and {other.dtype} are not whole numbers")
    return one, other


def _dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    size = int(np.count_nonzero(one)) + int(np.count_nonzero(other))
    return 2 * int(np.count_nonzero(one & other)) / size if size else math.nan
