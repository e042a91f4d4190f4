"""Precision and recall of generated pictures by the neighbourhoods of features (arXiv:1904.06991).

Around each picture of a set lies a ball that reaches to its k-th nearest neighbour in that set. Precision is the share
of generated pictures in a ball of the reference (do they look real?), recall the share of the reference in a ball of
the generated set (is every kind of picture made?). Departure: a neighbour of the same source does not count, as cuts of
one image would make balls small. Both depend on the number of pictures, so compare equal numbers only.

Letters: N pictures of one set, M of another, D features.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vesalius.metrics.kernel_distance import FeatureSet

NEIGHBOURS = 3
_ROWS = 512
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PrecisionRecall:
    """Shares from 0 to 1, NaN where a set has too few sources.

    Args:
        precision: share of generated pictures near the reference.
        recall: share of the reference near generated pictures.
    """

    precision: float
    recall: float


def precision_recall(generated: FeatureSet, reference: FeatureSet, neighbours: int = NEIGHBOURS) -> PrecisionRecall:
    """Return precision and recall.

    Example:
        >>> place = np.random.default_rng(0).normal(size=(40, 2))
        >>> one, other = (FeatureSet(place, tuple((side, n) for n in range(40))) for side in "xy")
        >>> precision_recall(one, other)
        PrecisionRecall(precision=1.0, recall=1.0)
    """
    return PrecisionRecall(_covered(generated, reference, neighbours), _covered(reference, generated, neighbours))


def _covered(pictures: FeatureSet, by: FeatureSet, neighbours: int) -> float:
    """Return the share of pictures that lie in a ball of the other set."""
    radii_M = _radii(by, neighbours)
    if not len(pictures) or not np.isfinite(radii_M).any():
        return float("nan")
    inside = 0
    for start in range(0, len(pictures), _ROWS):
        distance = distances(pictures.features_ND[start : start + _ROWS], by.features_ND)
        inside += int((distance <= np.where(np.isfinite(radii_M), radii_M, -1)).any(axis=1).sum())
    return inside / len(pictures)


def _radii(points: FeatureSet, neighbours: int) -> Floats:
    """Return the distance to the k-th nearest point of another source, (N,); infinite where there are fewer."""
    numbers = source_numbers(points.sources)
    radii = np.full(len(points), np.inf)
    for start in range(0, len(points), _ROWS):
        rows = slice(start, start + _ROWS)
        distance = distances(points.features_ND[rows], points.features_ND)
        distance[numbers[rows, None] == numbers[None]] = np.inf
        if distance.shape[1] >= neighbours:
            radii[rows] = np.partition(distance, neighbours - 1, axis=1)[:, neighbours - 1]
    return radii


def distances(x_ND: Floats, y_MD: Floats) -> Floats:
    """Return Euclidean distances, (N, M)."""
    squares = (x_ND**2).sum(1)[:, None] + (y_MD**2).sum(1)[None] - 2 * x_ND @ y_MD.T
    return np.asarray(np.sqrt(np.clip(squares, 0, None)))


def source_numbers(sources: Sequence[Hashable]) -> NDArray[np.intp]:
    """Return a number for the source of each row."""
    number_of = {name: number for number, name in enumerate(dict.fromkeys(sources))}
    return np.array([number_of[source] for source in sources], np.intp)
