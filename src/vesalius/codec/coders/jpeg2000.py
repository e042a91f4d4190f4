"""JPEG 2000 (ISO/IEC 15444-1) through OpenJPEG: 5/3 wavelet lossless, 9/7 lossy.

Letters: N pictures, J rows, I columns.
"""

from __future__ import annotations

import struct
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from vesalius.codec.coders.pictures import PictureCoder
from vesalius.errors import CorruptFileError

_UNCUT = 100
_COD = b"\xff\x52"
_COMMENT = b"\xff\x64"
_TILE = b"\xff\x90"


class Jpeg2000(PictureCoder):
    """JPEG 2000 code streams, picture by picture, one tile each.

    Quality is the PSNR in dB, against the full range of the depth, that the rate allocation aims at; the best rung cuts
    nothing away (on tiny pictures the allocation misses its aim, by far on one of a single value).
    A picture is stored as its code stream less the start (SOC and the SIZ segment, which follow from shape and depth)
    and less comments.
    """

    name = "jpeg2000"
    id = 3
    lossless_bits = 16
    lossy_bits = 16
    qualities: tuple[float, ...] = (_UNCUT, *range(88, 63, -2), *range(63, 19, -1))

    def encode_picture(self, x_JI: NDArray[np.uint16], bits: int, quality: float | None) -> bytes:
        stream = bytes(
            imagecodecs.jpeg2k_encode(
                x_JI.astype(np.uint8) if bits <= 8 else x_JI,
                level=0 if quality in (None, _UNCUT) else int(quality),
                reversible=quality is None,
                codecformat="j2k",
                bitspersample=bits,
                numthreads=1,
            )
        )
        start = _start(x_JI.shape, bits)
        if not stream.startswith(start + _COD):
            raise RuntimeError("this OpenJPEG begins a stream in a way that vesalius does not know")
        return _without_comments(stream, len(start))

    def decode_picture(self, part: bytes, shape_JI: tuple[int, int], bits: int) -> NDArray[Any]:
        if not part.startswith(_COD):
            raise CorruptFileError("a JPEG 2000 picture does not begin as vesalius writes it")
        return imagecodecs.jpeg2k_decode(_start(shape_JI, bits) + part, numthreads=1)


def _without_comments(stream: bytes, place: int) -> bytes:
    """Return the code stream from `place` on without the COM segments of its main header."""
    kept = b""
    while place < len(stream) and (marker := stream[place : place + 2]) != _TILE:
        end = place + 2 + int.from_bytes(stream[place + 2 : place + 4], "big")
        kept += b"" if marker == _COMMENT else stream[place:end]
        place = end
    return kept + stream[place:]


def _start(shape_JI: tuple[int, ...], bits: int) -> bytes:
    """SOC and SIZ: one tile as large as the picture, one unsigned component."""
    rows, columns = shape_JI
    size = struct.pack(">HHIIIIIIII", 41, 0, columns, rows, 0, 0, columns, rows, 0, 0)
    return b"\xff\x4f\xff\x51" + size + struct.pack(">HBBB", 1, bits - 1, 1, 1)
