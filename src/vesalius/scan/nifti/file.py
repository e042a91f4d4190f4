"""Access to the bytes of NIfTI files, gzipped or not."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vesalius.files import regular
from vesalius.scan.damage import not_decodable

_BLOCK = 1 << 20


def is_gzip(path: Path) -> bool:
    """True where the first two bytes are those of gzip; the suffix decides for a file that does not exist."""
    try:
        with regular(path).open("rb") as file:
            return file.read(2) == b"\x1f\x8b"
    except OSError:
        return path.name.lower().endswith(".gz")


def head_of(path: Path, size: int) -> bytes:
    """Return the first `size` bytes, fewer where the file is shorter.

    Raises:
        InputError: missing, or not a gzip file although its name says so.
    """
    try:
        with gzip.open(regular(path), "rb") if is_gzip(path) else regular(path).open("rb") as file:
            return bytes(file.read(size))
    except (OSError, EOFError, zlib.error) as error:
        raise not_decodable(path, error, "NIfTI") from error


def take(file: Any, length: int) -> bytes:
    """Return exactly `length` bytes, read block by block, so that no memory is taken before the bytes exist.

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
    """Skip `length` bytes.

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
    """Open a file for writing, gzipped by suffix; without name and time, so that equal values give equal bytes."""
    with path.open("wb") as file:
        if not path.name.lower().endswith(".gz"):
            yield file
            return
        with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
            yield packed
