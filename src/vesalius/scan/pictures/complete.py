"""Is a PNG or TIFF file complete? Decoders do not ask.

Each chunk of a PNG file has a checksum, and the last marks the end of the picture. Pillow compares only the checksums
of the header; libpng warns about the others and continues. The pages of a TIFF file form a chain, each naming the place
of the next; nothing counts them, and tifffile stops silently where the chain is broken.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.scan.damage import COPY_FIX

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_BIG_TIFF = 43
_ENTRY_BYTES = 20
"""Largest size of one entry in the list of a page."""


def check_png(data: bytes, path: Path) -> None:
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


def png_left_over(path: Path) -> int:
    """Return the bytes behind the end of the picture, 0 where it breaks off."""
    with regular(path).open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - len(_PNG_END), 0))
        if file.read() == _PNG_END:
            return 0
        file.seek(0)
        data = file.read()
    ends = len(PNG_SIGNATURE)
    for kind, body, _ in _chunks(data):
        ends += 12 + len(body)
        if kind == b"IEND":
            return size - ends
    return 0


def png_chunks(data: bytes) -> list[str]:
    """Return the names of the chunks in their order, each once."""
    return list(dict.fromkeys(kind.decode("latin-1") for kind, _, _ in _chunks(data)))


def check_tiff_chain(path: Path) -> None:
    """Follow the chain of pages to its end.

    Raises:
        InputError: it leads outside the file, or back to an earlier page.
    """
    size = path.stat().st_size
    places: dict[int, int] = {}
    with regular(path).open("rb") as file:
        head = file.read(16).ljust(16, b"\0")
        order = "<" if head[:2] == b"II" else ">"
        big = struct.unpack_from(f"{order}H", head, 2)[0] == _BIG_TIFF
        count, entry, offset = ("Q", 20, "Q") if big else ("H", 12, "L")
        (place,) = struct.unpack_from(order + offset, head, 8 if big else 4)
        while place:
            if place in places:
                raise InputError(f"its list of pages returns to page {places[place]}", where=path, fix=COPY_FIX)
            places[place] = len(places) + 1
            file.seek(min(place, size))
            entries = _number(file, order + count)
            end = -1 if entries is None else place + struct.calcsize(order + count) + entries * entry
            file.seek(min(max(end, 0), size))
            following = _number(file, order + offset) if end > 0 else None
            if following is None:
                raise InputError(f"its list of pages breaks off after page {len(places) - 1}", where=path, fix=COPY_FIX)
            place = following


def check_tiff_count(path: Path, stated: Any, pages: int) -> None:
    """Compare the number of pages with that stated by ImageJ, which lists only the first page of a large stack.

    Raises:
        InputError: it states more pages than exist.
    """
    pictures = stated.get("images", 1) if isinstance(stated, dict) else 1
    if isinstance(pictures, int) and pictures > pages:
        what = f"states {pictures} pictures, but its list of pages has {pages}"
        raise InputError(what, where=path, fix="save the stack with one page for each picture")


def check_tiff_places(path: Path, pages: Sequence[Any]) -> list[str]:
    """Compare the places of the values, as all `pages` of tifffile state them, with the length of the file.

    Returns:
        Notes, one sentence each.

    Raises:
        InputError: values outside the file.
    """
    size, used, empty, smallest = path.stat().st_size, 0, 0, path.stat().st_size
    for number, page in enumerate(pages, 1):
        spans = list(zip(page.dataoffsets, page.databytecounts, strict=False))
        if any(offset + length > size for offset, length in spans):
            raise InputError(f"the values of page {number} lie outside the file", where=path, fix=COPY_FIX)
        empty += sum(length == 0 for _, length in spans)
        length = sum(length for _, length in spans)
        smallest = min(smallest, length)
        used += length + sum(_ENTRY_BYTES + tag.valuebytecount for tag in page.tags)
    notes = [f"{empty} strip(s) or tile(s) hold no values; they are read as zeros"] if empty else []
    spare = size - used
    if spare > max(smallest, 1 << 10) and not any(page.subifds for page in pages):
        notes.append(f"{spare} bytes of the file belong to none of its {len(pages)} page(s): pages may be missing")
    return notes


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    """Yield kind, body and stated checksum of every complete chunk, up to the end chunk."""
    at, kind = len(PNG_SIGNATURE), b""
    while kind != b"IEND" and at + 12 <= len(data):
        (length,) = struct.unpack_from(">L", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length
        if at > len(data):
            return
        yield kind, body, int.from_bytes(data[at - 4 : at])


def _number(file: Any, form: str) -> int | None:
    data = file.read(struct.calcsize(form))
    return int(struct.unpack(form, data)[0]) if len(data) == struct.calcsize(form) else None
