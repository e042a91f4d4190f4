"""Coders so simple that a test knows what they do: raw words, and raw words without their low bits."""

from dataclasses import dataclass

import numpy as np

from vesalius.errors import CorruptFileError


@dataclass(frozen=True)
class Raw:
    """Pictures as little-endian words; a lossy quality q drops the lowest q bits (and keeps the middle of the step)."""

    name: str = "raw"
    id: int = 200
    version: int = 1
    temporal: bool = False
    stacks: bool = False
    lossless_bits: int = 16
    lossy_bits: int = 12
    exact_lossy: bool = True
    qualities: tuple[float, ...] = (0.0, 1.0, 2.0, 4.0, 6.0)

    def encode(self, x_NJI, bits, quality, threads):
        assert x_NJI.dtype == np.uint16
        assert x_NJI.flags.c_contiguous
        assert int(x_NJI.max()) < 1 << bits
        drop = int(quality or 0)
        middle = (1 << drop) >> 1
        return bytes([drop]) + (((x_NJI >> drop) << drop) + middle).astype("<u2").tobytes()

    def decode(self, data, shape_NJI, bits, threads):
        if len(data) != 1 + 2 * int(np.prod(shape_NJI)):
            raise CorruptFileError("raw words of another length")
        return np.frombuffer(data[1:], dtype="<u2").reshape(shape_NJI)
