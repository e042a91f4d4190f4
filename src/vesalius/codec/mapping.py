"""Exact maps between keys and pictures of at most 16 bits: by offset, by rank, or in planes.

A map turns the keys of one chunk, (C, T, I, J), into planes, each a sequence of pictures that a coder takes.
Letters: C channel, T time, N pictures of a sequence (C x T), J rows, I columns.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.codec.survey import Survey
from vesalius.errors import CorruptFileError


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
    """picture = number of the key in the sorted table of the keys that occur.

    Args:
        table: sorted distinct keys.
    """

    table: NDArray[Any]

    @property
    def plane_bits(self) -> tuple[int, ...]:
        """Depth of the one plane."""
        return (max(1, (len(self.table) - 1).bit_length()),)

    def split(self, keys: NDArray[Any]) -> list[NDArray[Any]]:
        """Turn keys (C, T, I, J) into one plane of ranks, uint16."""
        return [np.searchsorted(self.table, keys).astype(np.uint16)]

    def join(self, planes: list[NDArray[Any]], key_bits: int) -> NDArray[Any]:
        """Invert `split`.

        Raises:
            CorruptFileError: a rank lies beyond the table.
        """
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
    """Invert `pack_table` for `count` keys, as uint64.

    Raises:
        CorruptFileError: the bytes are no such table.
    """
    engine = zlib.decompressobj()
    try:
        raw = engine.decompress(data, 8 * count + 1)
    except zlib.error as error:
        raise CorruptFileError("the table of values cannot be inflated") from error
    if len(raw) != 8 * count:
        raise CorruptFileError("the table of values has another length than stated")
    steps = np.ascontiguousarray(np.frombuffer(raw, dtype=np.uint8).reshape(8, -1).T).view("<u8")[:, 0]
    return np.cumsum(steps.astype(np.uint64), dtype=np.uint64)
