"""HEVC (ITU-T H.265) through x265: grey pictures over time, lossy at 12 bits and lossless.

A stream holds network abstraction layer (NAL) units, section 7.3.1, each behind its length; the start codes that an
encoder puts between them (annex B) are left out.

Letters: N pictures, J rows, I columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from numpy.typing import NDArray

from vesalius.codec.coders import parts
from vesalius.codec.coders.pictures import check_claim, check_pictures
from vesalius.codec.coders.protocol import Coder
from vesalius.codec.coders.video import VideoFormat, decode_frames, encode_frames, lower
from vesalius.errors import CorruptFileError

_LEAST_JI = (16, 72)  # where pictures are one block of 64 columns wide, x265 loses track of them
_FORMATS = tuple(VideoFormat(f"gray{end}", bits, _LEAST_JI) for end, bits in (("", 8), ("10le", 10), ("12le", 12)))
_LOSSY = _FORMATS[-1]
_COARSEST = 45  # beyond, x265 overflows at 12 bits: its picture of the result differs from what decoders see
_PRESET = "slow"
_PARAMETERS = {
    "log-level": "none",
    "pools": "none",
    "frame-threads": "1",
    "wpp": "0",
    "info": "0",
    "keyint": "-1",
    "scenecut": "0",
    "open-gop": "0",
    # With these, measured on cine, "slow" comes within 1 % of the bytes of "slower" in half of its time.
    "rd": "6",
    "max-merge": "5",
    "me": "star",
    "subme": "4",
    "weightp": "0",
    "weightb": "0",
    "qcomp": "0.9",
    "pbratio": "1.45",
    "cutree": "0",  # its steps of the quantiser within a picture leave what 12-bit streams can say
    "qpmax": str(_COARSEST),
}


_START = re.compile(b"\0*\0\0\\x01")
_CODED_PICTURE = range(32)
_PARAMETER_SETS = (32, 33, 34)
_DROPPED = (35, 38, 39, 40)  # delimiter, filler, SEI before and after


class X265(Coder):
    """HEVC range extensions, monochrome: one stream per chunk with one key frame.

    Quality is the constant rate factor (crf). Lossy coding lifts any depth to 12 bits by a shift; lossless coding takes
    the least of 8, 10 and 12 bits that holds the values. The first byte of a chunk is the shift; NAL units follow, each
    behind its length. x265 runs in one thread whatever `threads`, so that its bytes never depend on the machine.
    """

    name = "x265"
    id = 5
    temporal = True
    lossless_bits = _LOSSY.bits
    lossy_bits = _LOSSY.bits
    exact_lossy = True
    qualities: tuple[float, ...] = tuple(float(crf) for crf in range(-5, _COARSEST + 1))

    def encode(self, x_NJI: NDArray[Any], bits: int, quality: float | None, threads: int) -> bytes:
        x_NJI = check_pictures(x_NJI, bits, self.lossless_bits)
        shift = 0 if quality is None else _LOSSY.bits - bits
        rate = "lossless=1" if quality is None else f"crf={quality:g}"
        parameters = [f"{key}={value}" for key, value in _PARAMETERS.items()]
        options = {"preset": _PRESET, "tune": "psnr", "x265-params": ":".join([*parameters, rate])}
        return bytes([shift]) + strip_units(encode_frames("libx265", _format(bits, shift), x_NJI, shift, options))

    def decode(self, data: bytes, shape_NJI: tuple[int, int, int], bits: int, threads: int) -> NDArray[Any]:
        check_claim(shape_NJI, bits, self.lossless_bits)
        if not data or data[0] not in (0, _LOSSY.bits - bits):
            raise CorruptFileError("a chunk does not begin as x265 chunks do")
        shift = data[0]
        x_NJI = decode_frames("hevc", packets(data[1:], shape_NJI[0]), _format(bits, shift), shape_NJI)
        return lower(x_NJI, shift, bits)


def _format(bits: int, shift: int) -> VideoFormat:
    """Return the smallest format that holds the shifted values."""
    return next(video for video in _FORMATS if bits + shift <= video.bits)


def strip_units(packets: Iterable[bytes]) -> bytes:
    """Join the NAL units of an encoder's packets, less delimiters, filler and SEI, each behind its length."""
    kept = []
    for packet in packets:
        for unit in _START.split(packet):
            if unit and _kind(unit) in (*_CODED_PICTURE, *_PARAMETER_SETS):
                kept.append(unit)
            elif unit and _kind(unit) not in _DROPPED:
                raise RuntimeError(f"this encoder writes HEVC units of type {_kind(unit)}, unknown to vesalius")
    return parts.join(kept)


def packets(data: bytes, count: int) -> list[bytes]:
    """Cut the result of `strip_units` into `count` packets in annex B form, one picture each.

    Raises:
        CorruptFileError: not such a stream, or not one slice for each of `count` pictures.
    """
    pictures: list[bytes] = []
    current = b""
    for unit in parts.split(data, most=count + 2 * len(_PARAMETER_SETS)):
        current += b"\0\0\0\x01" + unit
        if len(unit) > 2 and _kind(unit) in _CODED_PICTURE:
            pictures.append(current)
            current = b""
        elif len(unit) <= 2 or _kind(unit) not in _PARAMETER_SETS:
            raise CorruptFileError("a chunk holds HEVC units that vesalius does not write")
    if current or len(pictures) != count:
        raise CorruptFileError(f"a chunk holds {len(pictures)} coded pictures, not {count}")
    return pictures


def _kind(unit: bytes) -> int:
    return unit[0] >> 1 & 0x3F
