"""AV1 open bitstream units (OBUs): the parts of an AV1 stream, AV1 specification sections 5.3 to 5.9.

Our streams are OBUs in the low-overhead format, one behind the other, less the temporal delimiters. Those follow from
the frame headers: a temporal unit ends with the frame that is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vesalius.codec.coders.parts import read_leb128
from vesalius.errors import CorruptFileError

_SEQUENCE, _DELIMITER, _FRAME_HEADER, _TILE_GROUP, _METADATA, _FRAME, _PADDING = 1, 2, 3, 4, 5, 6, 15
_KEPT = (_SEQUENCE, _FRAME_HEADER, _TILE_GROUP, _FRAME)
_DELIMITER_OBU = b"\x12\x00"


def strip(packets: Iterable[bytes]) -> bytes:
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
    """Cut the result of `strip` into temporal units with delimiters, as any AV1 decoder takes them.

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
