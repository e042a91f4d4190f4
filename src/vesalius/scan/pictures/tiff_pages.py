"""Are all pages of a TIFF file present? Pages form a chain, each naming the place of the next; nothing counts them.

tifffile stops silently where the chain is broken.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.scan.damage import COPY_FIX

_BIG = 43
_ENTRY_BYTES = 20
"""Largest size of one entry in the list of a page."""


def check_chain(path: Path) -> None:
    """Follow the chain of pages to its end.

    Raises:
        InputError: it leads outside the file, or back to an earlier page.
    """
    size = path.stat().st_size
    places: dict[int, int] = {}
    with regular(path).open("rb") as file:
        head = file.read(16).ljust(16, b"\0")
        order = "<" if head[:2] == b"II" else ">"
        big = struct.unpack_from(f"{order}H", head, 2)[0] == _BIG
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


def check_count(path: Path, stated: Any, pages: int) -> None:
    """Compare the number of pages with that stated by ImageJ, which lists only the first page of a large stack.

    Raises:
        InputError: it states more pages than exist.
    """
    pictures = stated.get("images", 1) if isinstance(stated, dict) else 1
    if isinstance(pictures, int) and pictures > pages:
        what = f"states {pictures} pictures, but its list of pages has {pages}"
        raise InputError(what, where=path, fix="save the stack with one page for each picture")


def _number(file: Any, form: str) -> int | None:
    data = file.read(struct.calcsize(form))
    return int(struct.unpack(form, data)[0]) if len(data) == struct.calcsize(form) else None


def check_places(path: Path, pages: Sequence[Any]) -> list[str]:
    """Compare the stated places of the values with the length of the file.

    Args:
        path: the file.
        pages: all pages as tifffile returns them.

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
