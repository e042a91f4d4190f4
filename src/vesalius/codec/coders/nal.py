"""HEVC network abstraction layer units (NAL units), ITU-T H.265 annex B and section 7.3.1.

Our streams hold the NAL units each behind its length; an encoder's start codes are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from vesalius.codec.coders import parts
from vesalius.errors import CorruptFileError

_START = re.compile(b"\0*\0\0\\x01")
_CODED_PICTURE = range(32)
_PARAMETER_SETS = (32, 33, 34)
_DROPPED = (35, 38, 39, 40)  # delimiter, filler, SEI before and after


def strip(packets: Iterable[bytes]) -> bytes:
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
    """Cut the result of `strip` into `count` packets in annex B form, one picture each.

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
