"""The payload of a chunk: one or more sequences of pictures, each constant or coded.

Layout of a sequence: mode u8; mode 0 (constant): value u16; mode 1 (coded): length u32 and that many bytes. Little
endian. Letters: N pictures, J rows, I columns; C, T, I, J the axes of a chunk.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.codec.coders.pictures import in_threads
from vesalius.codec.coders.protocol import Coder
from vesalius.errors import CorruptFileError

_CONSTANT, _CODED = 0, 1
_MODE, _VALUE, _LENGTH = struct.Struct("<B"), struct.Struct("<H"), struct.Struct("<I")


def to_pictures(x_CTIJ: NDArray[Any]) -> NDArray[Any]:
    """Turn (C, T, I, J) into pictures (C * T, J, I), C-contiguous."""
    c, t, i, j = x_CTIJ.shape
    return np.ascontiguousarray(x_CTIJ.transpose(0, 1, 3, 2).reshape(c * t, j, i))


def from_pictures(x_NJI: NDArray[Any], shape_CTIJ: tuple[int, ...]) -> NDArray[Any]:
    """Invert `to_pictures`."""
    c, t, i, j = shape_CTIJ
    return x_NJI.reshape(c, t, j, i).transpose(0, 1, 3, 2)


def encode_sequence(x_CTIJ: NDArray[Any], bits: int, coder: Coder, quality: float | None, threads: int = 1) -> bytes:
    """Code one plane (C, T, I, J) of uint16 below 2**bits, each channel separately.

    Args:
        x_CTIJ: the plane.
        bits: its depth.
        coder: codes the pictures.
        quality: a rung of the coder's ladder, or None for lossless.
        threads: channels coded at a time; a lossless coder gets the threads left over. The bytes do not depend on
            them (those of a lossy video coder would, so it gets one).
    """
    inner = max(1, threads // len(x_CTIJ)) if quality is None else 1

    def code(x_TIJ: NDArray[Any]) -> bytes:
        pictures = to_pictures(x_TIJ[None])
        first = int(pictures.flat[0])
        if (pictures == first).all():
            return _MODE.pack(_CONSTANT) + _VALUE.pack(first)
        data = coder.encode(pictures, bits, quality, inner)
        return _MODE.pack(_CODED) + _LENGTH.pack(len(data)) + data

    return b"".join(in_threads(code, list(x_CTIJ), threads))


class SequenceReader:
    """Reads the sequences of one payload in order."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._position = 0

    def decode(self, shape_CTIJ: tuple[int, ...], bits: int, coder: Coder) -> NDArray[Any]:
        """Return the next plane, uint16 of shape (C, T, I, J).

        Raises CorruptFileError where the payload ends early, the coder refuses its bytes, or a value exceeds the depth.
        """
        channels = list(self._channels(shape_CTIJ, bits, coder))
        if any(int(channel.max()) >> bits for channel in channels):
            raise CorruptFileError("a picture has values beyond its depth")
        return np.concatenate(channels) if len(channels) > 1 else channels[0]

    def take(self, form: struct.Struct) -> tuple[Any, ...]:
        """Return the next numbers. Raises CorruptFileError where the payload ends early."""
        try:
            values = form.unpack_from(self._payload, self._position)
        except struct.error as error:
            raise CorruptFileError("the chunk ends early") from error
        self._position += form.size
        return values

    def bytes(self, length: int) -> bytes:
        """Return the next bytes. Raises CorruptFileError where the payload ends early."""
        data = self._payload[self._position : self._position + length]
        if len(data) != length:
            raise CorruptFileError("the chunk ends early")
        self._position += length
        return data

    def finish(self) -> None:
        """Raise CorruptFileError where bytes are left over."""
        if self._position != len(self._payload):
            raise CorruptFileError("the chunk has bytes left over")

    def _channels(self, shape_CTIJ: tuple[int, ...], bits: int, coder: Coder) -> Iterator[NDArray[Any]]:
        c, t, i, j = shape_CTIJ
        for _ in range(c):
            (mode,) = self.take(_MODE)
            if mode == _CONSTANT:
                yield np.full((1, t, i, j), self.take(_VALUE)[0], dtype=np.uint16)
                continue
            if mode != _CODED:
                raise CorruptFileError("the chunk has a sequence of unknown mode")
            (length,) = self.take(_LENGTH)
            data = self.bytes(length)
            yield from_pictures(coder.decode(data, (t, j, i), bits, 1), (1, t, i, j))
