"""The header of a compressed frame, read before a decoder sees the frame.

A decoder trusts the sizes in its stream and allocates memory for them, so they are compared with the DICOM header
first. The colour of a JPEG frame is read here too: some writers state a different one in DICOM.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from vesalius.errors import InputError

_JPEG_SIZE_MARKERS = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7})
"""Start of frame of every JPEG process, and of JPEG-LS (F7)."""
_BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length."""
_JPEG2000_BOX = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
_RLE_MAX_RATIO = 64
"""PackBits expands two bytes to at most 128."""
_MAX_RATIO = 100_000
"""More than the packet headers of an empty JPEG 2000 or JPEG-LS picture allow at the sizes in use."""
_MAX_FRAME_BYTES = 1 << 29


@dataclass(frozen=True)
class Codestream:
    """The header of one compressed frame.

    Args:
        rows: height.
        columns: width.
        samples: number of components.
        precision: bits of a component.
        rgb: True where the component names of a JPEG stream are RGB.
        jfif: True where a JFIF marker states that three components are YCbCr.
    """

    rows: int
    columns: int
    samples: int
    precision: int
    rgb: bool = False
    jfif: bool = False


def parse(head: bytes) -> Codestream | None:
    """Return the header of a JPEG, JPEG-LS or JPEG 2000 stream, or None where `head` holds none."""
    try:
        if head.startswith(_JPEG2000_BOX):
            head = head[max(head.find(b"\xff\x4f\xff\x51"), 0) :]
        if head.startswith(b"\xff\x4f\xff\x51"):
            return _parse_jpeg2000(head)
        if head.startswith(b"\xff\xd8"):
            return _parse_jpeg(head)
    except (struct.error, IndexError):
        pass
    return None


def check(stream: Codestream | None, length: int, rows: int, columns: int, samples: int, bits: int) -> None:
    """Compare a frame with its DICOM header.

    Args:
        stream: header of the frame, None for RLE or where it cannot be read.
        length: bytes of the compressed frame.
        rows: Rows.
        columns: Columns.
        samples: SamplesPerPixel.
        bits: BitsAllocated.

    Raises:
        InputError: the sizes differ, or the frame promises more than its length can hold.
    """
    size = rows * columns * samples * -(-bits // 8)
    ratio = _RLE_MAX_RATIO if stream is None else _MAX_RATIO
    if size > ratio * max(length, 1) or size > _MAX_FRAME_BYTES:
        raise InputError(f"the header promises frames of {size} bytes, but a compressed frame has {length}")
    if stream is None:
        return
    if (stream.rows, stream.columns, stream.samples) != (rows, columns, samples):
        raise InputError(
            f"the header states {columns} x {rows} with {samples} sample(s), the compressed frame"
            f" {stream.columns} x {stream.rows} with {stream.samples}"
        )
    if stream.precision > bits:
        raise InputError(f"the compressed frame has {stream.precision} bits, but the header allocates {bits}")


def _parse_jpeg(head: bytes) -> Codestream | None:
    at, jfif = 2, False
    while at + 4 <= len(head):
        if head[at] != 0xFF:
            return None
        marker = head[at + 1]
        if marker == 0xFF or marker in _BARE_MARKERS:
            at += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", head, at + 2)
        if marker in _JPEG_SIZE_MARKERS:
            precision, rows, columns, samples = struct.unpack_from(">BHHB", head, at + 4)
            names = bytes(head[at + 10 + 3 * n] for n in range(samples))
            return Codestream(rows, columns, samples, precision, names in (b"RGB", b"rgb"), jfif)
        jfif = jfif or (0xE0 <= marker <= 0xEF and head[at + 4 : at + 8] == b"JFIF")
        at += 2 + length
    return None


def _parse_jpeg2000(head: bytes) -> Codestream | None:
    """Read SIZ, the first segment: a component has the size of the picture where its sampling is 1 x 1."""
    width, height, left, top, tile_width, tile_height, tile_left, tile_top, samples = struct.unpack_from(
        ">8LH", head, 8
    )
    precisions = {head[42 + 3 * n] for n in range(samples)}
    samplings = {bytes(head[43 + 3 * n : 45 + 3 * n]) for n in range(samples)}
    if not samples or samplings != {b"\x01\x01"} or not tile_width or not tile_height:
        return None
    tiles = -(-(width - tile_left) // tile_width) * -(-(height - tile_top) // tile_height)
    if left > width or top > height or tiles > 65535:
        return None
    return Codestream(height - top, width - left, samples, 1 + max(precision & 0x7F for precision in precisions))
