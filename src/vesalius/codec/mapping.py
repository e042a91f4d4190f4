"""Exact maps from stored values to pictures of at most 16 bits, and back bit for bit, in two steps.

Values of any dtype become unsigned integers ("keys") of one component each. Order is kept: a < b gives key(a) < key(b),
so that neighbouring intensities have neighbouring keys. Complex numbers become two components, extended floats eight
or sixteen 16-bit words; each component is a channel more. Then a map turns the keys of one chunk into planes, each a
sequence of pictures that a coder takes: by offset, by rank, or in parts of 16 bits.
Letters: C channel, T time, I J rows and columns of one chunk.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vesalius.codec.coders.parts import inflate
from vesalius.errors import CorruptFileError

if TYPE_CHECKING:
    from vesalius.codec.survey import Survey

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


@dataclass(frozen=True)
class Offset:
    """picture = key - low; needs a range below 2**16, else it is cut into planes of 16 bits, highest first.

    Example:
        >>> keys = np.array([70_000, 3], np.uint32).reshape(1, 1, 1, 2)
        >>> [plane.ravel().tolist() for plane in Offset(0, (1, 16)).split(keys)]
        [[1, 0], [4464, 3]]

    Args:
        low: smallest key.
        plane_bits: depth of each plane, highest plane first; one entry for most scans.
    """

    low: int
    plane_bits: tuple[int, ...]

    def split(self, keys: NDArray[Any]) -> list[NDArray[Any]]:
        """Turn keys (C, T, I, J) into planes of the same shape, uint16."""
        left = keys - keys.dtype.type(self.low)
        planes = []
        for bits in reversed(self.plane_bits):
            planes.append((left & left.dtype.type((1 << bits) - 1)).astype(np.uint16))
            left = left >> left.dtype.type(min(bits, 8 * left.itemsize - 1))
        return planes[::-1]

    def join(self, planes: list[NDArray[Any]], key_bits: int) -> NDArray[Any]:
        """Invert `split`."""
        dtype = np.dtype(f"u{key_bits // 8}")
        keys = planes[0].astype(dtype)
        for bits, plane in zip(self.plane_bits[1:], planes[1:], strict=True):
            keys <<= dtype.type(bits)
            keys |= plane.astype(dtype)
        keys += dtype.type(self.low)
        return keys


@dataclass(frozen=True, eq=False)
class Rank:
    """picture = number of the key in `table`, the sorted keys that occur."""

    table: NDArray[Any]

    @property
    def plane_bits(self) -> tuple[int, ...]:
        """Depth of the one plane."""
        return (max(1, (len(self.table) - 1).bit_length()),)

    def split(self, keys: NDArray[Any]) -> list[NDArray[Any]]:
        """Turn keys (C, T, I, J) into one plane of ranks, uint16."""
        return [np.searchsorted(self.table, keys).astype(np.uint16)]

    def join(self, planes: list[NDArray[Any]], key_bits: int) -> NDArray[Any]:
        """Invert `split`. Raises CorruptFileError where a rank lies beyond the table."""
        if planes[0].size and int(planes[0].max()) >= len(self.table):
            raise CorruptFileError("a rank lies beyond the table of values")
        return self.table[planes[0]].astype(f"u{key_bits // 8}")


ExactMap = Offset | Rank


def exact_map(survey: Survey) -> ExactMap:
    """Return the map to the smallest numbers: ranks where less than half of the range occurs, else an offset."""
    span = survey.high - survey.low
    if survey.distinct is not None and len(survey.distinct) <= (span + 1) // 2:
        return Rank(survey.distinct)
    return Offset(survey.low, plane_bits(span))


def plane_bits(span: int) -> tuple[int, ...]:
    """Return the depths of the planes that hold numbers from 0 to `span`, highest plane first."""
    bits = max(1, span.bit_length())
    return tuple(([bits % 16] if bits % 16 else []) + [16] * (bits // 16))


def pack_table(table: NDArray[Any]) -> bytes:
    """Pack a sorted table as the differences of its keys: uint64 little endian, byte planes, deflated."""
    steps = np.diff(table.astype(np.uint64), prepend=np.uint64(0)).astype("<u8")
    return zlib.compress(steps.view(np.uint8).reshape(-1, 8).T.tobytes(), 9)


def unpack_table(data: bytes, count: int) -> NDArray[Any]:
    """Invert `pack_table` for `count` keys, as uint64. Raises CorruptFileError where the bytes are no such table."""
    raw = inflate(data, 8 * count, "the table of values")
    steps = np.ascontiguousarray(np.frombuffer(raw, dtype=np.uint8).reshape(8, -1).T).view("<u8")[:, 0]
    return np.cumsum(steps.astype(np.uint64), dtype=np.uint64)
