"""Coding chunks in parallel and remembering what each rung of a coder's ladder cost and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vesalius.codec.chunking import Chunk
from vesalius.codec.tiers import Tier
from vesalius.scan.scan import Scan

_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(frozen=True)
class Trial:
    """One chunk coded at one rung and decoded again.

    Args:
        payload: the coded bytes.
        squared_error: sum of squared differences of the finite real values.
        max_error: largest absolute difference of the finite real values.
        voxels: finite voxels of the chunk.
    """

    payload: bytes
    squared_error: float
    max_error: float
    voxels: int


def chunk_of(scan: Scan, chunk: Chunk) -> NDArray[Any]:
    """The stored values of a chunk as pictures, (C, N, I, J)."""
    return np.ascontiguousarray(chunk.pictures(scan.stored(t=chunk.t, k=chunk.slices)))


def in_order(work: Callable[[_In], _Out], items: Iterable[_In], threads: int) -> Iterator[_Out]:
    """Results of `work` in the order of `items`; at most one item more than threads is under way."""
    waiting: list[Any] = []
    with ThreadPoolExecutor(max_workers=threads) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > threads:
                    yield waiting.pop(0).result()
            while waiting:
                yield waiting.pop(0).result()
        finally:
            for future in waiting:
                future.cancel()


def spare_threads(threads: int, chunks: int) -> int:
    """Threads that each chunk may use itself where there are fewer chunks than threads."""
    return max(1, threads // max(1, chunks))


@dataclass
class Trials:
    """Trials of one tier on one scan, each made once.

    Args:
        scan: the scan.
        tier: a lossy tier.
        threads: chunks coded at a time.
    """

    scan: Scan
    tier: Tier
    threads: int
    _done: dict[tuple[int, int], Trial] = field(default_factory=dict)

    @property
    def rungs(self) -> int:
        """Rungs of the coder's ladder, best first."""
        return len(self.tier.coder.qualities)

    def run(self, chunks: Iterable[Chunk], rung: int) -> list[Trial]:
        """Trials of these chunks at one rung."""
        chunks = list(chunks)
        missing = [chunk for chunk in chunks if (chunk.number, rung) not in self._done]
        spare = spare_threads(self.threads, len(missing))
        trials = in_order(lambda chunk: self._try(chunk, rung, spare), missing, self.threads)
        for chunk, trial in zip(missing, trials, strict=True):
            self._done[chunk.number, rung] = trial
        return [self._done[chunk.number, rung] for chunk in chunks]

    def one(self, chunk: Chunk, rung: int) -> Trial:
        """The trial of one chunk."""
        return self.run([chunk], rung)[0]

    def _try(self, chunk: Chunk, rung: int, threads: int) -> Trial:
        payload = self.tier.encode(chunk_of(self.scan, chunk), self.tier.coder.qualities[rung], threads)
        return measure(self.scan, chunk, self.tier, payload)


def measure(scan: Scan, chunk: Chunk, tier: Tier, payload: bytes) -> Trial:
    """Decode a payload and compare it with the scan in real values."""
    stored = chunk_of(scan, chunk)
    restored = tier.decode(payload, stored.shape)
    intensity = scan.intensity.part(chunk.t, chunk.slices)
    reference = intensity.to_real(chunk.voxels(stored), np.float64)
    inside = np.isfinite(reference)
    error = intensity.to_real(chunk.voxels(restored), np.float64)[inside] - reference[inside]
    largest = float(np.abs(error).max(initial=0.0))
    with np.errstate(over="ignore"):
        squared = float(np.square(error).sum())
    return Trial(payload, squared, largest, error.size)
