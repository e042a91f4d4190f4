"""Samples stacked into batches.

Letters: B samples of a batch, N classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.case import Case
from vesalius.cohort.loaded import LoadedCase
from vesalius.cohort.loader import Loader
from vesalius.errors import UsageError


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples of one shape.

    Args:
        cases: in the order of the batch.
        images: with B as the first axis, then the axes of the samples.
        labels_BN: NaN where not known.
        masks: by name, B first.
    """

    cases: tuple[Case, ...]
    images: NDArray[Any]
    labels_BN: NDArray[np.float32]
    masks: Mapping[str, NDArray[Any]]

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the cases."""
        return tuple(case.id for case in self.cases)


def batches(loader: Loader, epoch: int, size: int, *, drop_last: bool = False, start: int = 0) -> Iterator[Batch]:
    """Yield one epoch in batches.

    Args:
        loader: source of the samples.
        epoch: number of the epoch.
        size: samples in a batch.
        drop_last: drop an incomplete last batch; then all shards of an epoch have equally many batches (unless cases
            are skipped), as distributed training needs.
        start: number of batches to skip without loading them.

    Raises:
        UsageError: an impossible size, or samples of different shapes.
        InputError: a case cannot be loaded.
    """
    if size < 1:
        raise UsageError("a batch needs at least one sample")
    return _batches(loader, epoch, size, drop_last, start)


def _batches(loader: Loader, epoch: int, size: int, drop_last: bool, start: int) -> Iterator[Batch]:
    left = loader.total // loader.world // size - start if drop_last else len(loader)
    samples = loader.epoch(epoch, start=start * size)
    while left > 0:
        batch = _stacked(islice(samples, size), size)
        if batch is None or (drop_last and len(batch.cases) < size):
            return
        left -= 1
        yield batch


def _stacked(samples: Iterator[LoadedCase], size: int) -> Batch | None:
    """Fill a batch sample by sample, so that no sample is in memory twice for long; None without samples."""
    cases: list[Case] = []
    stacks: dict[str | None, NDArray[Any]] = {}
    labels = []
    for n, sample in enumerate(samples):
        arrays: list[tuple[str | None, NDArray[Any]]] = [(None, sample.image), *sample.masks.items()]
        if n == 0:
            stacks = {name: np.empty((size, *array.shape), array.dtype) for name, array in arrays}
        for name, array in arrays:
            if name not in stacks or (stacks[name].shape[1:], stacks[name].dtype) != (array.shape, array.dtype):
                shapes = " and ".join(f"{image.shape} {image.dtype}" for image in (stacks[None][0], sample.image))
                what = f"cases {cases[0].id} and {sample.id} do not fit into one batch: their images are {shapes}"
                raise UsageError(f"{what}, or their masks differ", fix="crop or pad them to one size")
            stacks[name][n] = array
        cases.append(sample.case)
        labels.append(sample.labels_N)
    if not cases:
        return None
    stacks = {name: stack[: len(cases)] for name, stack in stacks.items()}
    masks = {name: stack for name, stack in stacks.items() if name is not None}
    return Batch(tuple(cases), stacks[None], np.stack(labels), masks)
