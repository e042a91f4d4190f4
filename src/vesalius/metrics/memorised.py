"""Whether a generator repeats its training pictures: the distance of each picture to the nearest one of the training.

Real pictures that were held out are the yardstick: they are as near to the training set as pictures are that do not
come from it. If more than about 5 % of the generated pictures are nearer than the 5 % quantile of the held-out ones,
the generator stays too close to what it saw. A picture is called a copy where its nearest training picture is at most
a third as far as the nearest one of another source (the ratio of Yoon et al., "Diffusion probabilistic models
generalize when they fail to memorize", ICML 2023 workshop): pictures of a kind that all look alike, such as a few dots
on black, are near to many and copies of none.

Letters: N pictures, M training pictures, V numbers of a picture, S side.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vesalius.metrics.bootstrap import Interval, Rows, clustered_intervals
from vesalius.metrics.manifold import distances, source_numbers

SIDE = 16
"""Pixels along a side of a thumbnail."""
QUANTILE = 0.05
LEAST_HELD_OUT = 20
"""Held-out pictures that a quantile of 5 % needs."""
COPY_RATIO = 1 / 3
_ROWS = 256
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest training picture of each picture.

    Args:
        distance_N: Euclidean distance to it.
        row_N: its row.
        turn_N: number of the mirror image or quarter turn (see `turned`) that came nearest; 0 without turns.
        other_N: distance to the nearest training picture of another source than that one; infinite without one.
    """

    distance_N: Floats
    row_N: NDArray[np.intp]
    turn_N: NDArray[np.intp]
    other_N: Floats

    @property
    def copies(self) -> NDArray[np.bool_]:
        """Whether each picture is a copy, (N,)."""
        return self.distance_N <= COPY_RATIO * self.other_N

    def part(self, rows: Sequence[int]) -> Nearest:
        """Return some rows."""
        at = np.asarray(rows, np.intp)
        return Nearest(self.distance_N[at], self.row_N[at], self.turn_N[at], self.other_N[at])


@dataclass(frozen=True)
class Memorisation:
    """Comparison of generated with held-out pictures in one space.

    Args:
        generated: least and median distance of generated pictures to the training set.
        held_out: the same of real pictures that were held out.
        quantile: the 5 % quantile of the held-out distances; NaN with fewer than LEAST_HELD_OUT of them.
        share: of generated pictures that are nearer than it; about 0.05 is usual. NaN without a quantile.
        interval: of the share, over the sources of both sides.
        copies: number of generated pictures that are copies.
        held_out_copies: the same for real pictures: near-duplicates of the data set.
    """

    generated: tuple[float, float]
    held_out: tuple[float, float]
    quantile: float
    share: float
    interval: Interval | None
    copies: int
    held_out_copies: int


def turned(pictures_NSSC: Floats, turn: int) -> Floats:
    """Return square pictures in one of eight positions: quarter turns 0 to 3, from 4 on of the mirror image.

    Example:
        >>> turned(np.arange(4.0).reshape(1, 2, 2, 1), 4)[0, :, :, 0].tolist()
        [[1.0, 0.0], [3.0, 2.0]]
    """
    mirrored = pictures_NSSC[:, :, ::-1] if turn >= 4 else pictures_NSSC
    return np.ascontiguousarray(np.rot90(mirrored, turn % 4, axes=(1, 2)))


def nearest_pixels(pictures_NSSC: Floats, train_MSSC: Floats, sources: Sequence[Hashable]) -> Nearest:
    """Return the nearest training thumbnails, each picture in all eight positions.

    Args:
        pictures_NSSC: square thumbnails.
        train_MSSC: of the training set.
        sources: of the training set.
    """
    return _nearest([_flat(turned(pictures_NSSC, turn)) for turn in range(8)], _flat(train_MSSC), sources)


def nearest_features(features_NV: Floats, train_MV: Floats, sources: Sequence[Hashable]) -> Nearest:
    """Return the nearest training pictures by their features."""
    return _nearest([features_NV], train_MV, sources)


def memorisation(
    generated: Nearest, held_out: Nearest, sources: Sequence[Hashable], held_out_sources: Sequence[Hashable]
) -> Memorisation:
    """Compare generated with held-out pictures.

    Args:
        generated: their nearest training pictures.
        held_out: those of real pictures.
        sources: of the generated pictures.
        held_out_sources: of the real pictures. Both sides are drawn for the interval: the quantile is uncertain, too.
    """
    count = len(sources)
    distance = np.concatenate([generated.distance_N, held_out.distance_N])

    def share_of(rows: Rows) -> list[float]:
        made, real = distance[rows[rows < count]], distance[rows[rows >= count]]
        return [float((made < np.quantile(real, QUANTILE)).mean()) if len(made) and len(real) else math.nan]

    enough = len(held_out.distance_N) >= LEAST_HELD_OUT
    quantile = float(np.quantile(held_out.distance_N, QUANTILE)) if enough else math.nan
    interval = clustered_intervals(share_of, [*sources, *held_out_sources])[0] if enough else None
    return Memorisation(
        generated=(float(generated.distance_N.min()), float(np.median(generated.distance_N))),
        held_out=(float(held_out.distance_N.min()), float(np.median(held_out.distance_N))),
        quantile=quantile,
        share=float((generated.distance_N < quantile).mean()) if enough else math.nan,
        interval=interval,
        copies=int(generated.copies.sum()),
        held_out_copies=int(held_out.copies.sum()),
    )


def _nearest(positions: Sequence[Floats], train_MV: Floats, sources: Sequence[Hashable]) -> Nearest:
    numbers_M = source_numbers(sources)
    parts = []
    for start in range(0, len(positions[0]), _ROWS):
        rows = slice(start, start + _ROWS)
        distance_TNM = np.stack([distances(each[rows], train_MV) for each in positions])
        turn_NM, least_NM = distance_TNM.argmin(axis=0), distance_TNM.min(axis=0)
        row_N = least_NM.argmin(axis=1)
        at = np.arange(len(row_N))
        elsewhere_NM = np.where(numbers_M[None] == numbers_M[row_N][:, None], np.inf, least_NM)
        parts.append((least_NM[at, row_N], row_N, turn_NM[at, row_N], elsewhere_NM.min(axis=1)))
    return Nearest(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _flat(pictures_NSSC: Floats) -> Floats:
    return pictures_NSSC.reshape(len(pictures_NSSC), -1)
