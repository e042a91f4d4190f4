"""Files that were dropped on the page, as one path that the readers of scans take."""

from __future__ import annotations

import shutil
import stat
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from vesalius.errors import InputError, UsageError
from vesalius.files import regular
from vesalius.memory import MIB

UPLOAD_MB = 500
"""Largest file that the page takes."""
UNPACKED_MB = 2000
"""Largest content of an archive."""
MOST_FILES = 20_000
_CHUNK = 1 << 20


def scan_of(files: Sequence[Path], folder: Path) -> Path:
    """Return the file, or a folder with the files of one scan; zip archives are unpacked there.

    Args:
        files: that were dropped.
        folder: new; receives what is unpacked.

    Raises:
        UsageError: no file.
        InputError: an archive is damaged, has a password, or holds too much.
    """
    if not files:
        raise UsageError("no scan was dropped", fix="drop a file first")
    if len(files) == 1 and files[0].suffix.lower() != ".zip":
        return files[0]
    folder.mkdir(parents=True)
    for file in files:
        if file.suffix.lower() == ".zip":
            _unpack(file, folder)
        else:
            shutil.copyfile(file, _free(folder / file.name))
    inside = [path for path in folder.rglob("*") if path.is_file()]
    return inside[0] if len(inside) == 1 else folder


def _unpack(path: Path, folder: Path) -> None:
    """Unpack the files of an archive; each name becomes plain, and links are left out."""
    try:
        with zipfile.ZipFile(regular(path)) as archive:
            members = [member for member in archive.infolist() if _is_wanted(member)]
            if len(members) > MOST_FILES:
                raise InputError(f"holds {len(members)} files, more than {MOST_FILES}", where=path, fix="drop one scan")
            left = UNPACKED_MB * MIB
            for number, member in enumerate(members):
                place = folder / f"{number // 1000:03d}" if len(members) > 1 else folder
                place.mkdir(exist_ok=True)
                left = _copy(archive, member, _free(place / PurePosixPath(member.filename).name), left, path)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        what = "has a password" if "password" in str(error) else "is a damaged zip archive"
        raise InputError(what, where=path, fix="drop the files themselves") from error
    except Exception as error:  # zlib, lzma and bz2 have errors of their own
        if isinstance(error, InputError):
            raise
        raise InputError("is a damaged zip archive", where=path, fix="drop the files themselves") from error


def _is_wanted(member: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(member.filename).parts
    is_hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return not member.is_dir() and not is_hidden and not stat.S_ISLNK(member.external_attr >> 16) and bool(parts)


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, left: int, path: Path) -> int:
    """Copy a member; return how many bytes may still follow. What an archive states of its sizes is not trusted."""
    with archive.open(member) as source, target.open("wb") as file:
        while chunk := source.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise InputError(f"unpacks to more than {UNPACKED_MB} MB", where=path, fix="drop one scan")
            file.write(chunk)
    return left


def _free(path: Path) -> Path:
    """A name that is not taken."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{number}-{path.name}")
    return free
