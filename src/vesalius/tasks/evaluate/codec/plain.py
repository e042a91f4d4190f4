"""General compressors on the plain 16-bit array: what everybody has."""

from __future__ import annotations

import gzip
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

METHODS = ("zstd-19", "gzip-9", "gzip-6")
_CHECKED_AT_ONCE = 1 << 22


def as_16_bit(stored_CTIJK: NDArray[Any]) -> NDArray[Any] | None:
    """The stored values as plain 16-bit integers in the order of a NIfTI file (i fastest), or None.

    8-bit values are widened; wider types are cast where every value is a whole number within int16 or uint16.
    """
    flat = stored_CTIJK.transpose(0, 1, 4, 3, 2).reshape(-1)
    if flat.dtype.kind in "iu" and flat.dtype.itemsize == 2:
        return np.ascontiguousarray(flat)
    if flat.dtype.kind == "b" or flat.dtype.itemsize == 1:
        return flat.astype(np.int16 if flat.dtype.kind == "i" else np.uint16)
    if flat.dtype.kind not in "iuf" or not flat.size or not _whole(flat):
        return None
    low, high = flat.min(), flat.max()
    for dtype in (np.int16, np.uint16):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return flat.astype(dtype)
    return None


def compressed_bytes(method: str, values: NDArray[Any]) -> int:
    """Bytes that one of METHODS needs for the array's memory."""
    name, level = method.split("-")
    if name == "gzip":
        return len(gzip.compress(values.tobytes(), int(level), mtime=0))
    return len(imagecodecs.zstd_encode(values.tobytes(), level=int(level)))


def _whole(flat: NDArray[Any]) -> bool:
    parts = (flat[start : start + _CHECKED_AT_ONCE] for start in range(0, flat.size, _CHECKED_AT_ONCE))
    return flat.dtype.kind in "iu" or all(np.isfinite(part).all() and (np.rint(part) == part).all() for part in parts)
