"""Checks of paths before they are opened.

Opening a FIFO waits for a writer that may never come, a device never ends, and a socket cannot be opened. So every path
that is read goes through `regular` first.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from vesalius.errors import InputError

_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def odd_kind(path: Path) -> str | None:
    """Return the kind of a path that must not be opened, e.g. "a FIFO"; None for other paths. Links are followed."""
    try:
        return _KINDS.get(stat.S_IFMT(path.stat().st_mode))
    except (OSError, ValueError):  # opening it gives the reason
        return None


def regular(path: Path) -> Path:
    """Return the path itself if it may be opened.

    Raises:
        InputError: it is a FIFO, a device or a socket.
    """
    kind = odd_kind(path)
    if kind is not None:
        raise InputError(f"is {kind}, not a file", where=path, fix="give the path of a file")
    return path


def sha256(*paths: Path) -> str:
    """Return the SHA-256 of the bytes of files, one after another, in hexadecimal digits."""
    digest = hashlib.sha256()
    for path in paths:
        with regular(path).open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def walk(folder: Path) -> tuple[list[Path], list[tuple[Path, OSError]]]:
    """Return all files below a folder, sorted, and the folders that cannot be listed.

    Links to folders are not followed, which avoids circles.
    """
    files: list[Path] = []
    unreadable: list[tuple[Path, OSError]] = []
    for place, _, names in os.walk(folder, onerror=lambda error: unreadable.append((Path(error.filename), error))):
        files.extend(Path(place, name) for name in names)
    return sorted(files), sorted(unreadable, key=lambda pair: pair[0])
