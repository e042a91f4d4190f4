"""CRC-32C (Castagnoli, RFC 3720), which LevelDB and TensorFlow keep of their blocks and tensors, masked."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL = 0x82F63B78
_WORD = 0xFFFFFFFF
_MASK_DELTA = 0xA282EAD8
_Update = Callable[[int, NDArray[np.uint8], NDArray[np.uint32]], int]


def crc32c(data: bytes, before: int = 0) -> int:
    """Return the CRC-32C of bytes that follow others, whose CRC-32C is `before`.

    Example:
        >>> hex(crc32c(b"123456789"))
        '0xe3069283'
        >>> crc32c(b"6789", crc32c(b"12345")) == crc32c(b"123456789")
        True
    """
    array = np.frombuffer(data, np.uint8)  # read-only, as the machine code expects
    return int(_compiled()(before ^ _WORD, array, _table())) ^ _WORD


def masked(crc: int) -> int:
    """Return what LevelDB stores in place of a CRC, so that a CRC of data that holds CRCs stays meaningful."""
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & _WORD


@cache
def _table() -> NDArray[np.uint32]:
    values = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        values = np.where(values & 1, (values >> 1) ^ _POLYNOMIAL, values >> 1).astype(np.uint32)
    return values


@cache
def _compiled() -> _Update:
    """Machine code, because a large model has a thousand million bytes."""
    import numba

    array = numba.types.Array(numba.uint8, 1, "C", readonly=True)
    update: _Update = numba.njit(numba.uint32(numba.uint32, array, numba.uint32[::1]), nogil=True)(_update)
    return update


def _update(crc, data, table):  # type: ignore[no-untyped-def]
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ (crc >> 8)
    return crc
