"""Digests of the content behind a path, remembered while the files are unchanged.

The digest of a file is that of its bytes, wherever it lies. A folder counts with all its files: DICOM files in any
order and under any name, others with their names, since these number a stack of pictures. Files count as unchanged
while size, times and inode stay; otherwise they are read again, and also while they are so young that a second change
could have the same time.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
import zlib
from contextlib import suppress
from pathlib import Path

from vesalius.cohort.item import TarMember
from vesalius.cohort.tar import PAIRS, members_of, read_member
from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.scan.open import open_scan, suffix
from vesalius.scan.signature import HEAD_BYTES, is_dicom
from vesalius.scan.slicer.flat_pixels import FlatPixels

_YOUNG_NS = 2_000_000_000
"""The coarsest clock of a common file system ticks in 2 s."""
_BLOCK = 1 << 20
_MAX_LOG_BYTES = 1 << 26
_DETACHED = (".mhd", ".nhdr")
_WITH_FOLDER = ".mrxs"
"""A slide whose pixels lie in the folder of its name."""


class Contents:
    """Digests of the files of a cohort.

    Args:
        log: a text file that keeps the digests for the next run, one line each (stamp, digest, checksum); it holds
            neither paths nor names. Several processes may add to it; damaged lines are skipped. None: this run only.
    """

    def __init__(self, log: Path | None = None) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._known = {} if log is None else _read(log)

    def digest(self, path: Path, stamp: str, member: TarMember | None = None) -> str:
        """Return 64 hexadecimal digits for the content of a file or a folder, whose `stamp` was taken just before.

        Of a tar file only the `member` counts: a file has the same digest inside a shard and outside.

        Raises:
            InputError: nothing at the path, or it cannot be read.
        """
        if member is not None:
            return self._digest_member(path, stamp, member)
        known = self._known.get(stamp)
        if known is not None:
            return known
        files = files_of(path)
        try:
            digest = _digest_folder(path, files) if path.is_dir() else _digest_files(files)
            age_ns = time.time_ns() - max(_changed_ns(file) for file in files)
        except OSError as error:
            raise InputError(f"cannot be read ({error.strerror})", where=path) from error
        if age_ns > _YOUNG_NS:
            self._remember(stamp, digest)
        return digest

    def _digest_member(self, path: Path, stamp: str, member: TarMember) -> str:
        stamp = hashlib.sha256(f"{stamp} {member.text}".encode()).hexdigest()
        known = self._known.get(stamp)
        if known is not None:
            return known
        digests = [hashlib.sha256(read_member(path, name)).hexdigest() for name in members_of(path, member)]
        digest = digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
        if time.time_ns() - _changed_ns(path) > _YOUNG_NS:
            self._remember(stamp, digest)
        return digest

    def _remember(self, stamp: str, digest: str) -> None:
        with self._lock:
            self._known[stamp] = digest
            if self._log is None:
                return
            text = f"{stamp} {digest}"
            with suppress(OSError), self._log.open("ab") as file:  # the digest is only forgotten
                file.write(f"{text} {zlib.crc32(text.encode()):08x}\n".encode())


def stamp_of(path: Path) -> str:
    """Return 64 hexadecimal digits that change when a file behind `path` is replaced or written.

    Raises:
        InputError: nothing at the path.
    """
    hashed = hashlib.sha256(os.fsencode(path.absolute()))
    try:
        for file in files_of(path):
            stat = file.stat()
            facts = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
            hashed.update(repr((os.fsencode(file), facts)).encode())
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from error
    return hashed.hexdigest()


def files_of(path: Path) -> list[Path]:
    """Return the files that are read to open `path`, sorted: all files of a folder, a header with its data files.

    Raises:
        InputError: no such file.
    """
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
    else:
        files = [path, *_companions(path)]
    if not files or not path.exists():
        raise InputError("no such file or folder" if not path.exists() else "an empty folder", where=path)
    return files


def _companions(path: Path) -> list[Path]:
    kind = suffix(path)
    if kind in PAIRS:
        other = path.with_name(path.name[: -len(kind)] + PAIRS[kind])
        return [other] if other.is_file() else []
    if kind == _WITH_FOLDER:
        return sorted(file for file in path.with_suffix("").rglob("*") if file.is_file())
    if kind in _DETACHED:
        pixels = open_scan(path).pixels
        return [piece.path for piece in pixels.pieces] if isinstance(pixels, FlatPixels) else []
    return []


def _digest_files(files: list[Path]) -> str:
    parts = [_digest_file(file)[0] for file in files]
    return parts[0] if len(parts) == 1 else hashlib.sha256("".join(parts).encode()).hexdigest()


def _digest_folder(path: Path, files: list[Path]) -> str:
    parts = []
    for file in files:
        digest, by_content = _digest_file(file)
        name = "" if by_content else file.relative_to(path).as_posix()
        parts.append(f"{digest} {name}\n")
    return hashlib.sha256("".join(sorted(parts)).encode("utf-8", "surrogateescape")).hexdigest()


def _digest_file(path: Path) -> tuple[str, bool]:
    """Return the digest of the bytes, and whether they are DICOM."""
    hashed = hashlib.sha256()
    with regular(path).open("rb") as file:
        block = file.read(_BLOCK)
        by_content = is_dicom(block[:HEAD_BYTES])
        while block:
            hashed.update(block)
            block = file.read(_BLOCK)
    return hashed.hexdigest(), by_content


def _changed_ns(path: Path) -> int:
    stat = path.stat()
    return max(stat.st_mtime_ns, stat.st_ctime_ns)


def _read(log: Path) -> dict[str, str]:
    """Read the sound lines of a log; a log that has grown too large is removed."""
    try:
        if log.stat().st_size > _MAX_LOG_BYTES:
            log.unlink()
            return {}
        lines = regular(log).read_bytes().splitlines()
    except OSError:
        return {}
    known = {}
    for line in lines:
        text, _, sum_ = line.rpartition(b" ")
        stamp, _, digest = text.partition(b" ")
        if len(stamp) == len(digest) == 64 and sum_ == f"{zlib.crc32(text):08x}".encode():
            known[stamp.decode("ascii", "replace")] = digest.decode("ascii", "replace")
    return known
