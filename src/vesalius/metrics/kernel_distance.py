"""Kernel distance of two sets of pictures in the features of a frozen net (KID, arXiv:1801.01401).

KID is the squared maximum mean discrepancy of the kernel k(a, b) = (a b / D + 1)^3. It is estimated without bias: its
mean over samples does not depend on their size, and it is 0 for sets of one distribution, so it may be negative.

Departure from the paper: pairs of pictures of one source are left out of all three sums. Several cuts of one image, or
an image and the picture that was made from its mask, resemble each other more than two independent pictures do, and
would count as closeness of the sets. Where each picture is a source of its own, this is the paper's estimate.

Letters: N pictures of one set, M of another, D features, S sources, W draws.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vesalius.metrics.bootstrap import MIN_PATIENTS, Interval

DRAWS = 2_000
_ROWS = 512
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """Features of pictures, and the source of each.

    Args:
        features_ND: one row for each picture.
        sources: patient, or image, that a picture is of or was made from; the same name in two sets is one source.

    Raises:
        ValueError: features and sources differ in number.
    """

    features_ND: Floats
    sources: tuple[Hashable, ...]

    def __post_init__(self) -> None:
        if self.features_ND.ndim != 2 or len(self.features_ND) != len(self.sources):
            raise ValueError(f"features of shape {self.features_ND.shape} and {len(self.sources)} sources")

    def __len__(self) -> int:
        return len(self.sources)

    def part(self, rows: Sequence[int] | NDArray[np.intp]) -> FeatureSet:
        """Return some rows."""
        return FeatureSet(self.features_ND[np.asarray(rows, np.intp)], tuple(self.sources[row] for row in rows))


@dataclass(frozen=True)
class DistanceEstimate:
    """A value and its interval over sources; None where there are fewer than ten of a kind.

    Args:
        value: NaN where a set has fewer than two sources.
        interval: 95 % percentile bootstrap.
    """

    value: float
    interval: Interval | None = None


@dataclass(frozen=True)
class KernelDistances:
    """Kernel distances to a reference.

    Args:
        generated: of the generated set.
        train: of a set of real pictures; None without it.
        difference: the former minus the latter: what is left of the distance that real pictures have, too.
    """

    generated: DistanceEstimate
    train: DistanceEstimate | None = None
    difference: DistanceEstimate | None = None


def kid(x_ND: ArrayLike, y_MD: ArrayLike) -> float:
    """Return the kernel distance of two sets whose pictures are all independent.

    Example:
        >>> generator = np.random.default_rng(0)
        >>> x, y, far = (generator.normal(mean, 1, (300, 8)) for mean in (0, 0, 1))
        >>> abs(kid(x, y)) < 0.1 < kid(x, far)
        True
    """
    x, y = np.asarray(x_ND, np.float64), np.asarray(y_MD, np.float64)
    first = FeatureSet(x, tuple(("x", n) for n in range(len(x))))
    second = FeatureSet(y, tuple(("y", n) for n in range(len(y))))
    return kernel_distances(first, second, draws=0).generated.value


def kernel_distances(
    generated: FeatureSet,
    reference: FeatureSet,
    train: FeatureSet | None = None,
    *,
    seed: int = 0,
    draws: int = DRAWS,
) -> KernelDistances:
    """Return the kernel distances of a generated and a real training set to a reference, with intervals over sources.

    Sources are drawn with replacement; a source weighs as often as it is drawn in every set that has it, so all
    distances share the draws. Sources of the same sets are drawn among themselves. As pairs of one source are left out,
    a source that is drawn twice adds no pair with itself, and the draws lie around the estimate.

    Args:
        generated: generated pictures; their source is the real picture whose mask or caption was used.
        reference: real pictures that no model saw.
        train: real pictures of the training set.
        seed: of the draws.
        draws: number of resamples; 0: no intervals.
    """
    sets = [generated, reference] if train is None else [generated, reference, train]
    names = list(dict.fromkeys(source for each in sets for source in each.sources))
    number_of = {name: number for number, name in enumerate(names)}
    numbers = [np.array([number_of[source] for source in each.sources], np.intp) for each in sets]
    within = [_Pairs.of(each, each, n, n, len(names)) for each, n in zip(sets, numbers, strict=True)]
    across = [_Pairs.of(each, sets[1], n, numbers[1], len(names)) for each, n in zip(sets, numbers, strict=True)]

    def measured(weights_WS: Floats) -> Floats:
        """Return the distances, (W, 1) or (W, 3)."""
        own = within[1].means(weights_WS)
        columns = [
            within[n].means(weights_WS) + own - 2 * across[n].means(weights_WS) for n in range(len(sets)) if n != 1
        ]
        return np.stack([*columns, columns[0] - columns[1]] if len(columns) == 2 else columns, axis=1)

    values = measured(np.ones((1, len(names))))[0]
    intervals: list[Interval | None] = [None] * len(values)
    strata = _strata([set(each.sources) for each in sets], names)
    if draws and min(map(len, strata)) >= MIN_PATIENTS:
        drawn = measured(_weights(strata, len(names), draws, seed))
        ends = np.nanpercentile(drawn, [2.5, 97.5], axis=0)
        intervals = [Interval(float(low), float(high), 0.95, len(names)) for low, high in ends.T]
    estimates = [DistanceEstimate(float(value), interval) for value, interval in zip(values, intervals, strict=True)]
    return KernelDistances(*estimates)


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Sums of the kernel over the pairs of two sources, and numbers of these pairs; none of a source with itself."""

    sums_SS: Floats
    counts_SS: Floats

    @classmethod
    def of(
        cls, x: FeatureSet, y: FeatureSet, x_numbers: NDArray[np.intp], y_numbers: NDArray[np.intp], sources: int
    ) -> _Pairs:
        sums = np.zeros((sources, sources))
        width = x.features_ND.shape[1]
        x_order, y_order = (np.argsort(numbers, kind="stable") for numbers in (x_numbers, y_numbers))
        y_runs, y_present = _runs(y_numbers[y_order])
        for start in range(0, len(x), _ROWS):
            rows = x_order[start : start + _ROWS]
            kernel = (x.features_ND[rows] @ y.features_ND[y_order].T / width + 1) ** 3
            x_runs, x_present = _runs(x_numbers[rows])
            by_source = np.add.reduceat(np.add.reduceat(kernel, y_runs, axis=1), x_runs, axis=0)
            sums[np.ix_(x_present, y_present)] += by_source
        counts = np.outer(*(np.bincount(numbers, minlength=sources) for numbers in (x_numbers, y_numbers)))
        apart = 1 - np.eye(sources)
        return cls(sums * apart, counts * apart)

    def means(self, weights_WS: Floats) -> Floats:
        """Return the mean of the kernel over weighted pairs, (W,); NaN without any pair."""
        total, count = (np.einsum("ws,ws->w", weights_WS @ each, weights_WS) for each in (self.sums_SS, self.counts_SS))
        return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def _runs(sorted_numbers: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where each number begins, and the numbers."""
    numbers, starts = np.unique(sorted_numbers, return_index=True)
    return starts, numbers


def _strata(sets: Sequence[set[Hashable]], names: Sequence[Hashable]) -> list[list[int]]:
    """Return the numbers of the sources that lie in the same sets."""
    membership = {number: tuple(name in each for each in sets) for number, name in enumerate(names)}
    ordered = sorted(membership, key=lambda number: (membership[number], number))
    return [list(numbers) for _, numbers in groupby(ordered, key=lambda number: membership[number])]


def _weights(strata: Sequence[Sequence[int]], sources: int, draws: int, seed: int) -> Floats:
    """Return how often each source is drawn, (W, S)."""
    generator = np.random.default_rng(seed)
    weights_WS = np.zeros((draws, sources))
    for numbers in strata:
        share = np.full(len(numbers), 1 / len(numbers))
        weights_WS[:, list(numbers)] = generator.multinomial(len(numbers), share, size=draws)
    return weights_WS
