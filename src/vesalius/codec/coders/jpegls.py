"""JPEG-LS (ISO/IEC 14495-1), lossless and near-lossless, through CharLS.

Letters: N pictures, J rows, I columns.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import imagecodecs
import jpeg_ls  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from vesalius.codec.coders.pictures import PictureCoder, least_dtype
from vesalius.errors import CorruptFileError

_MAX_SIDE = 65535
_RAW = b"\0"
_SOF = b"\xff\xf7"


class JpegLs(PictureCoder):
    """JPEG-LS, picture by picture; near-lossless holds |error| <= quality at every pixel.

    Quality is NEAR, in steps of the coded depth; it is limited to half of the depth's range, as the standard wants.
    A picture is stored as its JPEG-LS stream less the start (SOI and the SOF segment, which follow from shape and
    depth), or, where that would not be smaller, as a zero byte and the pixels: little-endian, one byte up to 8 bits,
    else two. Before the pictures stands the CRC-32 of all that follows, as four bytes, lowest first: CharLS can lose a
    minute over a damaged stream.

    Departure from the standard: depth 1 is coded as depth 2, the least that JPEG-LS knows.
    """

    name = "jpegls"
    id = 2
    lossless_bits = 16
    lossy_bits = 12
    exact_lossy = True
    qualities: tuple[float, ...] = (
        *range(1, 13),
        *(14, 16, 18, 20, 22, 25, 28, 31, 35, 39, 44, 49, 55, 62, 69, 77, 86, 96, 107, 120, 134, 150, 168, 188),
        *(210, 232, 255),
    )

    def encode(self, x_NJI: NDArray[Any], bits: int, quality: float | None, threads: int) -> bytes:
        """Code pictures; lossy coding too takes up to 16 bits, for a bound in stored values."""
        pictures = super().encode(x_NJI, bits, quality, threads)
        return _crc(pictures) + pictures

    def decode(self, data: bytes, shape_NJI: tuple[int, int, int], bits: int, threads: int) -> NDArray[Any]:
        crc, pictures = data[:4], data[4:]
        if crc != _crc(pictures):
            raise CorruptFileError("the checksum inside a JPEG-LS chunk is wrong")
        return super().decode(pictures, shape_NJI, bits, threads)

    def encode_picture(self, x_JI: NDArray[np.uint16], bits: int, quality: float | None) -> bytes:
        near = 0 if quality is None else min(int(quality), ((1 << bits) - 1) // 2)
        raw = x_JI.astype(least_dtype(bits)).tobytes()
        if max(x_JI.shape) > _MAX_SIDE:
            return _RAW + raw
        try:
            stream = bytes(jpeg_ls.encode_buffer(raw, *x_JI.shape, 1, max(bits, 2), near))
        except RuntimeError:  # its buffer is as large as the pixels: noise does not fit
            return _RAW + raw
        start = _start(x_JI.shape, bits)
        if not stream.startswith(start):
            raise RuntimeError("this CharLS begins a stream in a way that vesalius does not know")
        body = stream[len(start) :]
        return body if len(body) <= len(raw) else _RAW + raw

    def decode_picture(self, part: bytes, shape_JI: tuple[int, int], bits: int) -> NDArray[Any]:
        x_JI = np.zeros(shape_JI, least_dtype(bits))
        if part.startswith(_RAW):
            x_JI[:] = np.frombuffer(part, x_JI.dtype, offset=1).reshape(shape_JI)
        else:
            imagecodecs.jpegls_decode(_start(shape_JI, bits) + part, out=x_JI)
        return x_JI.astype(np.uint16)


def _crc(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "little")


def _start(shape_JI: tuple[int, ...], bits: int) -> bytes:
    """SOI and SOF55: depth, rows, columns, one component (number 1, not subsampled)."""
    return b"\xff\xd8" + _SOF + struct.pack(">HBHHBBBB", 11, max(bits, 2), *shape_JI, 1, 1, 0x11, 0)
