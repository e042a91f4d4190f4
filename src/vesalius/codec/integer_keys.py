"""Stored values of any dtype as unsigned integers ("keys") of one component each, and back, bit for bit.

Order is kept: a < b gives key(a) < key(b), so that neighbouring intensities have neighbouring keys. Complex numbers
become two components, extended floats eight or sixteen 16-bit words; each component is a channel more.
Letters: C channel, T time, I J rows and columns of one chunk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST_WHOLE = {2: 1 << 11, 4: 1 << 24, 8: 1 << 53}
"""Item size of a float -> magnitude up to which every integer is exact."""


@dataclass(frozen=True)
class IntegerKeys:
    """Conversion between stored values and keys.

    Example:
        >>> keys = IntegerKeys(np.dtype("<i2"))
        >>> keys.to_keys(np.array([-1, 0, 1], "<i2").reshape(1, 1, 1, 3)).ravel().tolist()
        [32767, 32768, 32769]

    Args:
        dtype: stored dtype, byte order included.
        whole: the values are floats that all hold integers (no -0.0, no NaN); they are keyed as integers.
    """

    dtype: np.dtype[Any]
    whole: bool = False

    @property
    def components(self) -> int:
        """Channels of keys per stored channel."""
        if self.dtype.kind == "c" and self.dtype.itemsize <= 16:
            return 2
        return self.dtype.itemsize // 2 if self.dtype.itemsize > 8 else 1

    @property
    def bits(self) -> int:
        """Bits of a key: 8, 16, 32 or 64."""
        return 8 * self.dtype.itemsize // self.components

    def to_keys(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Turn stored values (C, T, I, J) into unsigned keys (C * components, T, I, J)."""
        native = np.ascontiguousarray(stored, dtype=self.dtype.newbyteorder("="))
        parts = native.view(self._part()).reshape(*native.shape, self.components)
        parts = np.moveaxis(parts, -1, 1).reshape(-1, *native.shape[1:])
        if self.whole:
            parts = parts.astype(f"i{parts.itemsize}")
        return _ordered(np.ascontiguousarray(parts))

    def to_stored(self, keys: NDArray[Any]) -> NDArray[Any]:
        """Turn keys (C * components, T, I, J) into stored values (C, T, I, J)."""
        part = self._part()
        coded = np.dtype(f"i{part.itemsize}") if self.whole else part
        parts = _unordered(keys, coded).astype(part, copy=False)
        split = parts.reshape(-1, self.components, *parts.shape[1:])
        joined = np.ascontiguousarray(np.moveaxis(split, 1, -1))
        native = joined.view(self.dtype.newbyteorder("=")).reshape(joined.shape[:-1])
        return native.astype(self.dtype, copy=False)

    def _part(self) -> np.dtype[Any]:
        """Dtype of one component in native byte order."""
        if self.dtype.kind == "b":
            return np.dtype(np.uint8)
        if self.components == 1:
            return self.dtype.newbyteorder("=")
        return np.dtype(f"f{self.dtype.itemsize // 2}") if self.components == 2 else np.dtype(np.uint16)


def _ordered(parts: NDArray[Any]) -> NDArray[Any]:
    unsigned = np.dtype(f"u{parts.itemsize}")
    bits = parts.view(unsigned)
    top = unsigned.type(1 << (8 * parts.itemsize - 1))
    if parts.dtype.kind == "i":
        return bits ^ top
    if parts.dtype.kind == "f":
        return np.where(bits & top, ~bits, bits | top)
    return bits


def _unordered(keys: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    unsigned = np.dtype(f"u{dtype.itemsize}")
    keys = np.ascontiguousarray(keys, dtype=unsigned)
    top = unsigned.type(1 << (8 * dtype.itemsize - 1))
    if dtype.kind == "i":
        return (keys ^ top).view(dtype)
    if dtype.kind == "f":
        return np.where(keys & top, keys ^ top, ~keys).view(dtype)
    return keys.view(dtype)


def holds_integers(stored: NDArray[Any]) -> bool:
    """Return True where every float is a finite integer small enough to be exact, and none is -0.0."""
    if stored.dtype.kind != "f" or stored.dtype.itemsize not in LARGEST_WHOLE:
        return False
    limit = LARGEST_WHOLE[stored.dtype.itemsize]
    with np.errstate(invalid="ignore"):
        whole = (np.abs(stored) < limit) & (np.rint(stored) == stored)
    return bool(whole.all() and not (np.signbit(stored) & (stored == 0)).any())
