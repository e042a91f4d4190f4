"""The chunks of a PNG file: each has a checksum, and the last marks the end of the picture.

Pillow compares only the checksums of the header; libpng warns about the others and continues.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.scan.damage import COPY_FIX

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = b"\0\0\0\0IEND\xaeB`\x82"


def check(data: bytes, path: Path) -> None:
    """Compare the checksum of every chunk of a file, unread ones included.

    Raises:
        InputError: a checksum does not match, or the picture breaks off.
    """
    for kind, body, crc in _chunks(data):
        if zlib.crc32(body, zlib.crc32(kind)) != crc:
            name = kind.decode("latin-1") if kind.isalpha() else "unknown"
            raise InputError(f"is damaged: the checksum of its {name} chunk does not match", where=path, fix=COPY_FIX)
        if kind == b"IEND":
            return
    raise InputError("breaks off before the end of the picture", where=path, fix=COPY_FIX)


def left_over(path: Path) -> int:
    """Return the bytes behind the end of the picture, 0 where it breaks off."""
    with regular(path).open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - len(_END), 0))
        if file.read() == _END:
            return 0
        file.seek(0)
        data = file.read()
    ends = len(SIGNATURE)
    for kind, body, _ in _chunks(data):
        ends += 12 + len(body)
        if kind == b"IEND":
            return size - ends
    return 0


def kinds(data: bytes) -> list[str]:
    """Return the names of the chunks in their order, each once."""
    return list(dict.fromkeys(kind.decode("latin-1") for kind, _, _ in _chunks(data)))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    """Yield kind, body and stated checksum of every complete chunk, up to the end chunk."""
    at, kind = len(SIGNATURE), b""
    while kind != b"IEND" and at + 12 <= len(data):
        (length,) = struct.unpack_from(">L", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length
        if at > len(data):
            return
        yield kind, body, int.from_bytes(data[at - 4 : at])
