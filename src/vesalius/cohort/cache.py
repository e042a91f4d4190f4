"""Prepared arrays on disk, by digests of their content and preparation.

An entry is an ordinary `.npy` file with a checksum behind the array. It is written under a temporary name and renamed,
so any number of processes may read and write one cache. A damaged entry is removed and prepared again. A cache that
cannot be written (disk full, no rights) only costs time: one note is added and the work goes on.
"""

from __future__ import annotations

import io
import os
import struct
import sys
import threading
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from vesalius.arguments import checked
from vesalius.errors import OutputError
from vesalius.files import regular
from vesalius.output import OvertakenError, new_file

_FOLDER = "arrays-1"
"""The number is the format version of entries."""
_END = struct.Struct("<4sI")
_MARK = b"VSLA"


class Cache:
    """A folder of entries; keys are hexadecimal digests, so that no file name reveals a patient.

    Args:
        folder: created at first use, readable by its owner only; None: the folder of the user (`user_folder`).
    """

    @checked
    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = regular(user_folder() if folder is None else Path(folder))
        self.notes: list[str] = []
        self._sound: set[tuple[str, int, int, int]] = set()
        self._lock = threading.Lock()

    def log(self) -> Path:
        """Return the path of the log of file digests (`Contents`); create the folder if possible."""
        with suppress(OSError):  # writing the first entry reports it
            self._make_folder()
        return self.folder / "known.txt"

    def path(self, key: str) -> Path:
        """Return the file of an entry, whether it exists or not."""
        return self.folder / _FOLDER / key[:2] / f"{key}.npy"

    def get(self, key: str) -> NDArray[Any] | None:
        """Return the array as a read-only memory map, or None without a sound entry.

        The checksum is compared when this object first reads an entry, size and header every time.
        """
        path = self.path(key)
        try:
            with regular(path).open("rb") as file:
                stat = os.fstat(file.fileno())
                seen = (key, stat.st_size, stat.st_mtime_ns, stat.st_ino)
                if seen not in self._sound:
                    _compare(file, stat.st_size)
                    self._sound.add(seen)
                    file.seek(0)
                return _mapped(file, stat.st_size)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, EOFError):
            with suppress(OSError):
                path.unlink()
            return None

    def put(self, key: str, array: NDArray[Any]) -> bool:
        """Write an entry; return False where that fails. The first failure adds a note."""
        if array.size == 0 or array.dtype.hasobject:
            return False
        path = self.path(key)
        try:
            self._make_folder()
            with new_file(path, force=True) as part, part.open("wb") as file:
                _write(file, np.ascontiguousarray(array))
        except OvertakenError:
            return True  # by another process, which wrote the same array
        except (OSError, OutputError) as error:
            reason = error.what if isinstance(error, OutputError) else f"cannot be written ({error.strerror})"
            with self._lock:
                if not self.notes:
                    self.notes.append(f"the cache {self.folder} {reason}; prepared scans are not kept there")
            return False
        return True

    def _make_folder(self) -> None:
        if not self.folder.is_dir():
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            self.folder.mkdir(mode=0o700, exist_ok=True)


def user_folder() -> Path:
    """Return the folder for caches of this user: $XDG_CACHE_HOME/vesalius, or the system's place for caches."""
    given = os.environ.get("XDG_CACHE_HOME")
    if given:
        return Path(given) / "vesalius"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "vesalius" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "vesalius"
    return Path.home() / ".cache" / "vesalius"


def _mapped(file: Any, size: int) -> NDArray[Any]:
    """Map the array of an entry. Raises ValueError where header and size do not fit."""
    if npy.read_magic(file) != (1, 0):
        raise ValueError("another version")
    shape, is_fortran, dtype = npy.read_array_header_1_0(file)
    offset = file.tell()
    expected = offset + dtype.itemsize * int(np.prod(shape, dtype=np.int64)) + _END.size
    if dtype.hasobject or is_fortran or size != expected:
        raise ValueError("another length")
    return np.memmap(file, dtype, "r", offset, shape)


def _compare(file: Any, size: int) -> None:
    """Raise ValueError where bytes have changed, so that only sound headers are parsed."""
    if size < _END.size:
        raise ValueError("another length")
    whole = np.memmap(file, np.uint8, "r", 0, (size,))
    if whole[-_END.size :].tobytes() != _END.pack(_MARK, zlib.crc32(whole[: -_END.size].data)):
        raise ValueError("another checksum")


def _write(file: Any, array: NDArray[Any]) -> None:
    head = io.BytesIO()
    npy.write_array_header_1_0(head, npy.header_data_from_array_1_0(array))
    values = array.reshape(-1).view(np.uint8).data
    file.write(head.getvalue())
    file.write(values)
    file.write(_END.pack(_MARK, zlib.crc32(values, zlib.crc32(head.getvalue()))))
