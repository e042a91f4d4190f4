"""Trials: chunks coded in parallel at rungs of a coder's ladder, each once, on a whole scan or on a sample of it.

Letters: C channel, T time, I J K voxel axes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vesalius.codec.chunking import Chunk
from vesalius.codec.tiers import Tier
from vesalius.progress import counted
from vesalius.scan.pixels import ArrayPixels
from vesalius.scan.scan import Scan

SLICES, FRAMES, SIDE = 3, 24, 320
"""A sample has at most this many slices, spread evenly, the first frames, the middle of each slice, and the first
channel. Of a still scan it has at most FRAMES slices from its middle, so that they are neighbours."""
_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(frozen=True)
class Trial:
    """One chunk coded at one rung and decoded again; errors are those of its finite real values.

    Args:
        payload: the coded bytes.
        squared_error: sum of squared differences.
        max_error: largest absolute difference.
        voxels: number of finite voxels.
    """

    payload: bytes
    squared_error: float
    max_error: float
    voxels: int


def chunk_of(scan: Scan, chunk: Chunk) -> NDArray[Any]:
    """Return the stored values of a chunk as pictures, (C, N, I, J)."""
    return np.ascontiguousarray(chunk.pictures(scan.stored(t=chunk.t, k=chunk.slices)))


def in_order(work: Callable[[_In], _Out], items: Iterable[_In], threads: int) -> Iterator[_Out]:
    """Yield results of `work` in the order of `items`; at most one item more than threads is under way."""
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
    """Return the threads that each chunk may use where there are fewer chunks than threads."""
    return max(1, threads // max(1, chunks))


@dataclass
class Trials:
    """Trials of one lossy tier on one scan, `threads` chunks at a time, each run once."""

    scan: Scan
    tier: Tier
    threads: int
    _finished: dict[tuple[int, int], Trial] = field(default_factory=dict)

    @property
    def rungs(self) -> int:
        """Rungs of the coder's ladder, best first."""
        return len(self.tier.coder.qualities)

    def run(self, chunks: Iterable[Chunk], rung: int) -> list[Trial]:
        """Return the trials of these chunks at one rung."""
        chunks = list(chunks)
        missing = [chunk for chunk in chunks if (chunk.number, rung) not in self._finished]
        spare = spare_threads(self.threads, len(missing))
        tried = in_order(lambda chunk: self._try(chunk, rung, spare), missing, self.threads)
        trials = counted(tried, len(missing), "chunks tried")
        for chunk, trial in zip(missing, trials, strict=True):
            self._finished[chunk.number, rung] = trial
        return [self._finished[chunk.number, rung] for chunk in chunks]

    def run_one(self, chunk: Chunk, rung: int) -> Trial:
        """Return the trial of one chunk."""
        return self.run([chunk], rung)[0]

    def _try(self, chunk: Chunk, rung: int, threads: int) -> Trial:
        payload = self.tier.encode(chunk_of(self.scan, chunk), self.tier.coder.qualities[rung], threads)
        return measure(self.scan, chunk, self.tier, payload)


def measure(scan: Scan, chunk: Chunk, tier: Tier, payload: bytes) -> Trial:
    """Decode a payload and compare it with the scan in real values."""
    stored = chunk_of(scan, chunk)
    return compared(scan, chunk, payload, stored, tier.decode(payload, stored.shape))


def compared(scan: Scan, chunk: Chunk, payload: bytes, stored: NDArray[Any], restored: NDArray[Any]) -> Trial:
    """Compare stored values of a chunk with what its payload decodes to, in real values."""
    intensity = scan.intensity.part(chunk.t, chunk.slices)
    reference = intensity.to_real(chunk.voxels(stored), np.float64)
    inside = np.isfinite(reference)
    error = intensity.to_real(chunk.voxels(restored), np.float64)[inside] - reference[inside]
    largest = float(np.abs(error).max(initial=0.0))
    with np.errstate(over="ignore"):
        squared = float(np.square(error).sum())
    return Trial(payload, squared, largest, error.size)


def sample(scan: Scan) -> Scan:
    """Return a small piece of a scan, on which coders are compared at a fraction of the cost.

    It is in memory and has no geometry, because it is never written; a scan that is no larger is returned itself.
    """
    c, t, i, j, k = scan.shape
    slices_k = _middle_slices(k) if t == 1 else _spread_slices(k)
    if c == 1 and t <= FRAMES and max(i, j) <= SIDE and k == len(slices_k):
        return scan
    frames = slice(0, min(t, FRAMES))
    array = scan.stored(t=frames, k=slice(slices_k[0], slices_k[-1] + 1))
    array = array[:1, :, _middle(i), _middle(j)][..., [n - slices_k[0] for n in slices_k]]
    intensity = scan.intensity
    if not intensity.is_uniform:
        slope, inter = (table[frames][:, slices_k] for table in (intensity.slope_TK, intensity.inter_TK))
        intensity = replace(intensity, slope_TK=slope, inter_TK=inter)
    return replace(scan, pixels=ArrayPixels(array), geometry=None, intensity=intensity, frame_ms=None, native=None)


def _spread_slices(slices: int) -> list[int]:
    count = min(slices, SLICES)
    return [(2 * n + 1) * slices // (2 * count) for n in range(count)]


def _middle_slices(slices: int) -> list[int]:
    count = min(slices, FRAMES)
    return list(range((slices - count) // 2, (slices + count) // 2))


def _middle(size: int) -> slice:
    start = max(0, (size - SIDE) // 2)
    return slice(start, start + min(size, SIDE))
