"""JPEG XL (ISO/IEC 18181) through libjxl: modular lossless, VarDCT lossy.

Letters: N pictures, J rows, I columns.
"""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from vesalius.codec.coders.jpegxl_header import SIGNATURE, JpegXlHeader, read_header
from vesalius.codec.coders.pictures import check_claim, check_pictures
from vesalius.codec.coders.stills import decode_each, encode_each
from vesalius.errors import CorruptFileError

_EFFORT = 6  # 7 takes twice the time for no fewer bytes on scans


class JpegXl:
    """JPEG XL code streams without a container, picture by picture, grey.

    Quality is the distance (1 is about a visible difference on a display); the ladder is geometric.
    """

    name = "jpegxl"
    id = 4
    version = 1
    temporal = False
    stacks = False
    lossless_bits = 16
    lossy_bits = 16
    exact_lossy = False
    qualities: tuple[float, ...] = tuple(round(0.02 * 1250 ** (rung / 95), 4) for rung in range(96))

    def encode(self, x_NJI: NDArray[Any], bits: int, quality: float | None, threads: int) -> bytes:
        """See `Coder.encode`."""
        x_NJI = check_pictures(x_NJI, bits, self.lossless_bits)
        return encode_each(x_NJI, lambda x_JI: _encode_one(x_JI, bits, quality), threads)

    def decode(self, data: bytes, shape_NJI: tuple[int, int, int], bits: int, threads: int) -> NDArray[Any]:
        """See `Coder.decode`."""
        check_claim(shape_NJI, bits, self.lossless_bits)
        claim = JpegXlHeader(shape_NJI[1:], bits)
        return decode_each(data, shape_NJI, lambda part: _decode_one(part, claim), threads)


def _encode_one(x_JI: NDArray[np.uint16], bits: int, quality: float | None) -> bytes:
    stream = bytes(
        imagecodecs.jpegxl_encode(
            x_JI.astype(np.uint8) if bits <= 8 else x_JI,
            effort=_EFFORT,
            distance=quality,
            lossless=quality is None,
            bitspersample=bits,
            usecontainer=False,
            numthreads=1,
        )
    )
    return stream if stream.startswith(SIGNATURE) else _unboxed(stream)


def _unboxed(stream: bytes) -> bytes:
    """The code stream of a container; libjxl insists on one for lossless beyond 12 bits."""
    place = 0
    while place + 8 <= len(stream):
        size = int.from_bytes(stream[place : place + 4], "big") or len(stream) - place
        if stream[place + 4 : place + 8] == b"jxlc":
            return stream[place + 8 : place + size]
        place += max(size, 8)
    raise RuntimeError("this libjxl writes a container that vesalius does not know")


def _decode_one(part: bytes, claim: JpegXlHeader) -> NDArray[Any]:
    if read_header(part) != claim:
        raise CorruptFileError(
            f"a JPEG XL picture claims another size or depth than {claim.shape_JI}, {claim.bits} bits"
        )
    x_JI = np.empty(claim.shape_JI, np.uint8 if claim.bits <= 8 else np.uint16)
    imagecodecs.jpegxl_decode(part, out=x_JI, numthreads=1)
    return x_JI
