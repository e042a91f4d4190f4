"""Range, distinct values and peak of a scan: what coders must know before the first chunk is coded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.codec.mapping import IntegerKeys, holds_integers
from vesalius.scan.intensity import Intensity
from vesalius.scan.scan import Scan

MAX_DISTINCT = 1 << 16
PIECE = 1 << 20
"""About this many values are processed at a time."""
_MERGE_AT = 1 << 21


@dataclass(frozen=True)
class Survey:
    """What `survey` finds in a scan.

    Args:
        keys: how stored values become keys, which go from `low` to `high`.
        distinct: the sorted distinct keys, or None where there are more than MAX_DISTINCT.
        finite: no NaN and no infinity.
        stored_low: smallest finite stored value (0.0 where there is none, and for complex numbers).
        stored_high: largest finite stored value.
        peak: p99.9 minus p0.1 of the finite real values (the package's definition of the signal's peak); of the
            stored values where real ones are not known.
    """

    keys: IntegerKeys
    low: int
    high: int
    distinct: NDArray[Any] | None
    finite: bool
    stored_low: float
    stored_high: float
    peak: float


def survey(scan: Scan) -> Survey:
    """Describe the values of a scan.

    Every slice is read three times: for the keys, the stored range and the peak. A float scan is read once more, to
    see whether it holds integers; a complex one is read once.
    """
    keys = IntegerKeys(scan.dtype, whole=_whole(scan))
    low, high, distinct = _key_range(scan, keys)
    if scan.dtype.kind == "c":
        return Survey(keys, low, high, distinct, False, 0.0, 0.0, 0.0)
    finite, stored_low, stored_high = _stored_range(scan)
    if not scan.intensity.is_known:
        scan = replace(scan, intensity=Intensity())
    return Survey(keys, low, high, distinct, finite, stored_low, stored_high, _peak(scan))


def _pieces(scan: Scan) -> Iterator[tuple[slice, slice]]:
    """Yield frames and a slice of about PIECE values together, until all voxels were covered once."""
    c, frames, i, j, slices = scan.shape
    step = max(1, PIECE // (c * i * j))
    for k in range(slices):
        for start in range(0, frames, step):
            yield slice(start, min(start + step, frames)), slice(k, k + 1)


def _whole(scan: Scan) -> bool:
    return scan.dtype.kind == "f" and all(holds_integers(scan.stored(t, k)) for t, k in _pieces(scan))


def _key_range(scan: Scan, keys: IntegerKeys) -> tuple[int, int, NDArray[Any] | None]:
    low, high = 1 << 64, 0
    distinct: NDArray[Any] | None = np.zeros(0, dtype=f"u{keys.bits // 8}")
    for t, k in _pieces(scan):
        piece = keys.to_keys(scan.stored(t, k)[..., 0])
        low, high = min(low, int(piece.min())), max(high, int(piece.max()))
        if distinct is not None:
            distinct = np.union1d(distinct, np.unique(piece))
            if len(distinct) > MAX_DISTINCT:
                distinct = None
    return low, high, distinct


def _stored_range(scan: Scan) -> tuple[bool, float, float]:
    """Return whether all values are finite, and the lowest and highest finite stored value."""
    finite, low, high = True, np.inf, -np.inf
    for t, k in _pieces(scan):
        stored = scan.stored(t, k)
        inside = stored[np.isfinite(stored)]
        finite = finite and inside.size == stored.size
        if inside.size:
            low, high = min(low, float(inside.min())), max(high, float(inside.max()))
    return (finite, low, high) if low <= high else (finite, 0.0, 0.0)


def _peak(scan: Scan) -> float:
    """Return p99.9 minus p0.1 of the finite real values: exact percentiles, by counting equal values."""
    values, counts = [np.zeros(0)], [np.zeros(0, dtype=np.int64)]
    for t, k in _pieces(scan):
        new, new_counts = _real_counts(scan, t, k)
        values.append(new)
        counts.append(new_counts)
        if sum(map(len, values[1:])) > _MERGE_AT:
            values, counts = _merge(values, counts)
    (merged,), (total,) = _merge(values, counts)
    if not len(merged):
        return 0.0
    with np.errstate(over="ignore"):
        width = _percentile(merged, total, 0.999) - _percentile(merged, total, 0.001)
    return min(width, sys.float_info.max)


def _real_counts(scan: Scan, t: slice, k: slice) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the finite real values of a piece and their counts, perhaps in parts."""
    counts: NDArray[Any]
    with np.errstate(over="ignore", invalid="ignore"):  # extended floats, signalling NaN
        if scan.intensity.is_uniform:
            stored, counts = np.unique(scan.stored(t, k), return_counts=True)
            real = scan.intensity.to_real(stored.reshape(1, 1, 1, 1, -1), np.float64).ravel()
        else:
            real, counts = np.unique(scan.values(t, k, dtype=np.float64), return_counts=True)
    inside = np.isfinite(real)
    return real[inside], counts[inside]


def _merge(values: list[NDArray[Any]], counts: list[NDArray[Any]]) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    """Add up the counts of equal values."""
    merged, place = np.unique(np.concatenate(values), return_inverse=True)
    total = np.bincount(place, weights=np.concatenate(counts), minlength=len(merged)).astype(np.int64)
    return [merged], [total]


def _percentile(values: NDArray[Any], counts: NDArray[Any], share: float) -> float:
    """Return numpy.percentile (linear) of the repeated values."""
    ends = np.cumsum(counts)
    position = share * (int(ends[-1]) - 1)
    below = int(position)
    first = values[np.searchsorted(ends, below, side="right")]
    second = values[np.searchsorted(ends, min(below + 1, int(ends[-1]) - 1), side="right")]
    weight = position - below
    if not np.isfinite(second - first):
        return float(first * (1 - weight) + second * weight)
    return float(first + (second - first) * weight)
