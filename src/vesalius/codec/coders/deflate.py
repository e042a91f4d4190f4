"""Deflate (RFC 1950): the plain lossless coder, always at hand.

Letters: N pictures, J rows, I columns.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.codec.coders.parts import inflate
from vesalius.codec.coders.pictures import check_claim, check_pictures
from vesalius.codec.coders.protocol import Coder

_SIGNED = {1: "i1", 2: "<i2"}
_UNSIGNED = {1: "u1", 2: "<u2"}


class Deflate(Coder):
    """zlib level 9 over byte planes: all low bytes, then (beyond 8 bits) all high bytes.

    What is coded is each value's difference from its left neighbour (from 0 in the first column), modulo 2**8 up to 8
    bits and 2**16 beyond, read as a signed number v and folded to 2 v, or -2 v - 1 where v is negative.
    """

    name = "deflate"
    id = 1
    lossless_bits = 16

    def encode(self, x_NJI: NDArray[Any], bits: int, quality: float | None, threads: int) -> bytes:
        """Code in one thread, whatever `threads`."""
        if quality is not None:
            raise ValueError("deflate is lossless only")
        x_NJI = check_pictures(x_NJI, bits, self.lossless_bits)
        planes = 1 + (bits > 8)
        step_NJI = x_NJI.astype(_SIGNED[planes])
        step_NJI[..., 1:] -= step_NJI[..., :-1].copy()
        folded_NJI = (step_NJI << 1) ^ (step_NJI >> (8 * planes - 1))
        bytes_VP = folded_NJI.reshape(-1, 1).view(np.uint8)
        stream = zlib.compressobj(9, strategy=zlib.Z_FILTERED)
        return stream.compress(bytes_VP.T.tobytes()) + stream.flush()

    def decode(self, data: bytes, shape_NJI: tuple[int, int, int], bits: int, threads: int) -> NDArray[Any]:
        check_claim(shape_NJI, bits, self.lossless_bits)
        planes = 1 + (bits > 8)
        size = shape_NJI[0] * shape_NJI[1] * shape_NJI[2]
        raw = inflate(data, size * planes, "a chunk")
        bytes_VP = np.ascontiguousarray(np.frombuffer(raw, np.uint8).reshape(planes, size).T)
        folded_NJI = bytes_VP.view(_UNSIGNED[planes]).reshape(shape_NJI)
        step_NJI = (folded_NJI >> 1) ^ -(folded_NJI & 1)
        x_NJI = np.cumsum(step_NJI, axis=-1, dtype=folded_NJI.dtype)
        return x_NJI.astype(np.uint16, copy=False)
