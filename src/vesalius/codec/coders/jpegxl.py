"""JPEG XL (ISO/IEC 18181) through libjxl: modular lossless, VarDCT lossy.

Letters: N pictures, J rows, I columns.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from vesalius.codec.coders.pictures import PictureCoder
from vesalius.errors import CorruptFileError

_SIGNATURE = b"\xff\x0a"
"""First bytes of a bare code stream."""
_HEADER_BYTES = 24
_RATIOS = (None, *map(Fraction, ("1", "6/5", "4/3", "3/2", "16/9", "5/4", "2")))
_SIDE_BITS = (9, 13, 18, 30)
_DEPTHS = (8, 10, 12)
_EFFORT = 6  # 7 takes twice the time for no fewer bytes on scans


class JpegXl(PictureCoder):
    """JPEG XL code streams without a container, picture by picture, grey.

    Quality is the distance (1 is about a visible difference on a display); the ladder is geometric.
    """

    name = "jpegxl"
    id = 4
    lossless_bits = 16
    lossy_bits = 16
    qualities: tuple[float, ...] = tuple(round(0.02 * 1250 ** (rung / 95), 4) for rung in range(96))

    def encode_picture(self, x_JI: NDArray[np.uint16], bits: int, quality: float | None) -> bytes:
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
        return stream if stream.startswith(_SIGNATURE) else _unboxed(stream)

    def decode_picture(self, part: bytes, shape_JI: tuple[int, int], bits: int) -> NDArray[Any]:
        if read_header(part) != (shape_JI, bits):
            raise CorruptFileError(f"a JPEG XL picture claims another size or depth than {shape_JI}, {bits} bits")
        x_JI = np.empty(shape_JI, np.uint8 if bits <= 8 else np.uint16)
        imagecodecs.jpegxl_decode(part, out=x_JI, numthreads=1)
        return x_JI


def _unboxed(stream: bytes) -> bytes:
    """Take the code stream out of a container, which libjxl insists on for lossless beyond 12 bits."""
    place = 0
    while place + 8 <= len(stream):
        size = int.from_bytes(stream[place : place + 4], "big") or len(stream) - place
        if stream[place + 4 : place + 8] == b"jxlc":
            return stream[place + 8 : place + size]
        place += max(size, 8)
    raise RuntimeError("this libjxl writes a container that vesalius does not know")


def read_header(stream: bytes) -> tuple[tuple[int, int], int]:
    """Return the shape (J, I) and depth that a bare code stream claims: its SizeHeader and first ImageMetadata.

    Raises:
        CorruptFileError: not a code stream, or one with features that our pictures never have: a preview, an
            animation, a rotation, floating-point samples or extra channels.
    """
    if not stream.startswith(_SIGNATURE):
        raise CorruptFileError("a picture is not a JPEG XL code stream")
    bits = _Bits(stream[len(_SIGNATURE) : _HEADER_BYTES])
    small = bool(bits.take(1))
    rows = _side(bits, small)
    ratio = _RATIOS[bits.take(3)]
    columns = _side(bits, small) if ratio is None else int(rows * ratio)
    all_default, extra_fields, is_float = bits.take(1), bits.take(1), bits.take(1)
    selector = bits.take(2)
    depth = _DEPTHS[selector] if selector < len(_DEPTHS) else 1 + bits.take(6)
    bits.take(1)  # whether 16-bit buffers are enough for the modular mode
    extra_channels = bits.take(2)
    if all_default or extra_fields or is_float or extra_channels:
        raise CorruptFileError("a JPEG XL picture is not a plain grey one")
    return (rows, columns), depth


def _side(bits: _Bits, small: bool) -> int:
    return 8 * (1 + bits.take(5)) if small else 1 + bits.take(_SIDE_BITS[bits.take(2)])


class _Bits:
    """Bits of a byte string, lowest first; zeros beyond its end."""

    def __init__(self, data: bytes) -> None:
        self._left = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        value = self._left & ((1 << count) - 1)
        self._left >>= count
        return value
