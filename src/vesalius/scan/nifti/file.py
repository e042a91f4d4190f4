"""Access to the bytes of NIfTI files, gzipped or not, with errors in one line."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vesalius.files import regular
from vesalius.scan.damage import not_decodable

GZIP_MAX_RATIO = 1032
"""No deflate stream expands further; a header that promises more than this lies."""
_BLOCK = 1 << 20


def is_gzip(path: Path) -> bool:
    """True where the first two bytes say so; for a file that is not there the suffix decides."""
    try:
        with regular(path).open("rb") as file:
            return file.read(2) == b"\x1f\x8b"
    except OSError:
        return path.name.lower().endswith(".gz")


def head_of(path: Path, size: int) -> bytes:
    """The first `size` bytes, fewer where the file is shorter.

    Raises:
        InputError: absent, or not the gzip file it is named.
    """
    try:
        with gzip.open(regular(path), "rb") if is_gzip(path) else regular(path).open("rb") as file:
            return bytes(file.read(size))
    except (OSError, EOFError, zlib.error) as error:
        raise not_decodable(path, error, "NIfTI") from error


def take(file: Any, length: int) -> bytes:
    """Exactly `length` bytes, gathered block by block, so that no memory is taken before the bytes are there.

    Raises:
        EOFError: the file ends early.
    """
    blocks = []
    while length > 0:
        blocks.append(file.read(min(length, _BLOCK)))
        length -= len(blocks[-1])
        if not blocks[-1]:
            raise EOFError("the file ends early")
    return b"".join(blocks)


def skip(file: Any, length: int) -> None:
    """Pass over `length` bytes.

    Raises:
        EOFError: the file ends early.
    """
    while length > 0:
        block = file.read(min(length, _BLOCK))
        if not block:
            raise EOFError("the file ends early")
        length -= len(block)


@contextmanager
def create(path: Path) -> Iterator[Any]:
    """A file to be written, gzipped where its suffix says so; without name and time, equal values give equal bytes."""
    with path.open("wb") as file:
        if not path.name.lower().endswith(".gz"):
            yield file
            return
        with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
            yield packed
