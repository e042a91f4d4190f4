"""AV1 through SVT-AV1: pictures over time, lossy, 10 bits; decoded by dav1d.

A stream holds open bitstream units (OBUs; AV1 specification, sections 5.3 to 5.9) in the low-overhead format, less the
temporal delimiters. Those follow from the frame headers: a temporal unit ends with the frame that is shown.

Letters: N pictures, J rows, I columns.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

from numpy.typing import NDArray

from vesalius.codec.coders.parts import read_leb128
from vesalius.codec.coders.pictures import check_claim, check_pictures
from vesalius.codec.coders.protocol import Coder
from vesalius.codec.coders.video import VideoFormat, decode_frames, encode_frames, lower
from vesalius.errors import CorruptFileError

os.environ.setdefault("SVT_LOG", "0")  # errors only: the library has no other way to be quiet

_FORMAT = VideoFormat("yuv420p10le", 10, (64, 64))
_PRESET = 3
_PARAMETERS = {"tune": "1", "keyint": "-1", "scd": "0", "enable-cdef": "0", "film-grain": "0"}
_SEQUENCE, _DELIMITER, _FRAME_HEADER, _TILE_GROUP, _METADATA, _FRAME, _PADDING = 1, 2, 3, 4, 5, 6, 15
_KEPT = (_SEQUENCE, _FRAME_HEADER, _TILE_GROUP, _FRAME)
_DELIMITER_OBU = b"\x12\x00"


class SvtAv1(Coder):
    """AV1 main profile, 4:2:0 with grey chroma: one stream per chunk with one key frame.

    Quality is the constant rate factor (crf). Any depth is lifted to 10 bits by a shift.
    """

    name = "svtav1"
    id = 6
    temporal = True
    lossy_bits = _FORMAT.bits
    exact_lossy = True
    qualities: tuple[float, ...] = tuple(float(crf) for crf in range(1, 64))

    def encode(self, x_NJI: NDArray[Any], bits: int, quality: float | None, threads: int) -> bytes:
        if quality is None:
            raise ValueError("svtav1 is lossy only")
        x_NJI = check_pictures(x_NJI, bits, self.lossy_bits)
        parameters = {**_PARAMETERS, "lp": str(max(1, threads))}
        options = {
            "preset": str(_PRESET),
            "crf": str(int(quality)),
            "svtav1-params": ":".join(f"{key}={value}" for key, value in parameters.items()),
        }
        return strip_units(encode_frames("libsvtav1", _FORMAT, x_NJI, _FORMAT.bits - bits, options))

    def decode(self, data: bytes, shape_NJI: tuple[int, int, int], bits: int, threads: int) -> NDArray[Any]:
        check_claim(shape_NJI, bits, self.lossy_bits)
        units = temporal_units(data, shape_NJI[0])
        x_NJI = decode_frames("libdav1d", units, _FORMAT, shape_NJI)
        return lower(x_NJI, _FORMAT.bits - bits, bits)


def strip_units(packets: Iterable[bytes]) -> bytes:
    """Join the OBUs of an encoder's packets, less temporal delimiters, metadata and padding."""
    kept = []
    for packet in packets:
        for kind, whole, _ in _units(packet):
            if kind in _KEPT:
                kept.append(whole)
            elif kind not in (_DELIMITER, _METADATA, _PADDING):
                raise RuntimeError(f"this encoder writes AV1 units of type {kind}, which vesalius does not know")
    return b"".join(kept)


def temporal_units(data: bytes, count: int) -> list[bytes]:
    """Cut the result of `strip_units` into temporal units with delimiters, as any AV1 decoder takes them.

    Raises:
        CorruptFileError: not such a stream, or one that does not show `count` frames.
    """
    units: list[bytes] = []
    current, shown = b"", False
    for kind, whole, body in _units(data):
        if kind not in _KEPT or not body:
            raise CorruptFileError("a chunk holds AV1 units that vesalius does not write")
        if shown and kind != _TILE_GROUP:
            units.append(_DELIMITER_OBU + current)
            current, shown = b"", False
        current += whole
        if kind in (_FRAME, _FRAME_HEADER):
            shown = _is_shown(body[0])
    units.append(_DELIMITER_OBU + current)
    if not shown or len(units) != count:
        raise CorruptFileError(f"a chunk does not hold {count} video frames")
    return units


def _is_shown(first: int) -> bool:
    """Decide by the first byte of a frame header: show_existing_frame (1 bit), frame_type (2), show_frame (1)."""
    return bool(first & 0x80 or first & 0x10)


def _units(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield (type, whole unit, payload); every unit must state its size and have no extension."""
    start = 0
    while start < len(data):
        header = data[start]
        if header & 0x87 != 0x02:
            raise CorruptFileError("a chunk holds an AV1 unit with a bad header")
        size, body = read_leb128(data, start + 1)
        end = body + size
        if end > len(data):
            raise CorruptFileError("a chunk's AV1 units are cut short")
        yield header >> 3, data[start:end], data[body:end]
        start = end
