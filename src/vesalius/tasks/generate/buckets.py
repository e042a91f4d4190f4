"""Batches of several sizes: each case goes to the sizes of its own aspect, and every batch has one size.

Which size a batch has depends on (seed, epoch) alone, so a resumed run and one of several processes see the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from vesalius.cohort.cohort import Cohort
from vesalius.cohort.loader import Batch, Loader, batches
from vesalius.seeding import shuffled
from vesalius.tasks.generate.config import Size

_SAME_AREA = 1.5
"""Sizes whose areas differ by less are alternatives for different aspects."""


@dataclass(frozen=True)
class Bucket:
    """Pictures of one size.

    Args:
        size: of the pictures.
        loader: of the cases, cut to that size.
    """

    size: Size
    loader: Loader


class Buckets:
    """The batches of an epoch.

    Args:
        buckets: at least one.
        batch: pictures in a batch, of all processes together; what does not fill a batch is left out of the epoch.
        seed: of the order of sizes.
    """

    def __init__(self, buckets: Sequence[Bucket], batch: int, seed: int) -> None:
        self._buckets, self._batch, self._seed = tuple(buckets), batch, seed
        self._counts = [bucket.loader.total // batch for bucket in self._buckets]

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        return sum(self._counts)

    def epoch(self, number: int, start: int, rank: int, world: int) -> Iterator[Batch]:
        """Yield this rank's share of each batch of an epoch, from number `start` on."""
        order = self._order(number)
        done = [order[:start].count(bucket) for bucket in range(len(self._buckets))]
        sources = [
            batches(bucket.loader.shard(rank, world), number, self._batch // world, drop_last=True, start=first)
            for bucket, first in zip(self._buckets, done, strict=True)
        ]
        for bucket in order[start:]:
            yield next(sources[bucket])

    def _order(self, epoch: int) -> list[int]:
        turns = [f"{bucket} {turn}" for bucket, count in enumerate(self._counts) for turn in range(count)]
        return [int(turn.split()[0]) for turn in shuffled(turns, self._seed, epoch, "sizes")]


def in_buckets(
    cohort: Cohort, sizes: Sequence[Size], aspect: Callable[[str], float], loader: Callable[[Cohort, Size], Loader]
) -> list[Bucket]:
    """Return the buckets that have cases.

    Args:
        cohort: the cases.
        sizes: of the pictures.
        aspect: columns / rows of the picture of a case, by its id.
        loader: makes the loader of a bucket.
    """
    members: dict[Size, list[int]] = {size: [] for size in sizes}
    for alternatives in _by_area(sizes):
        for n, case in enumerate(cohort):
            shape = aspect(case.id) if len(alternatives) > 1 else 1.0
            members[min(alternatives, key=lambda size: _distance(size, shape))].append(n)
    held = {size: replace(cohort, cases=tuple(cohort.cases[n] for n in of)) for size, of in members.items() if of}
    return [Bucket(size, loader(part, size)) for size, part in held.items()]


def _distance(size: Size, aspect: float) -> float:
    """How many times one aspect is the other, at least 1."""
    ratio = size.columns / size.rows / aspect
    return max(ratio, 1 / ratio)


def _by_area(sizes: Sequence[Size]) -> list[list[Size]]:
    """Groups of sizes whose areas are about equal."""
    groups: list[list[Size]] = []
    for size in sorted(sizes, key=lambda size: size.rows * size.columns):
        area = size.rows * size.columns
        if groups and area < _SAME_AREA * groups[-1][0].rows * groups[-1][0].columns:
            groups[-1].append(size)
        else:
            groups.append([size])
    return groups
