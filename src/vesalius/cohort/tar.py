"""Members of uncompressed tar files (shards), read at random by a table of their offsets.

The headers of a tar file are walked once per process; then a member is one read at its place, in any order. So a
loader takes cases from shards as it takes them from files: order, ranks and resuming are those of the loader.
"""

from __future__ import annotations

import os
import tarfile
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from vesalius.cohort.item import TarMember
from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.memory import check_memory
from vesalius.scan.damage import COPY_FIX
from vesalius.scan.open import suffix

TAR = ".tar"
_BLOCK = 512
PAIRS = {".hdr": ".img", ".img": ".hdr", ".hdr.gz": ".img.gz", ".img.gz": ".hdr.gz"}
"""Suffix of a file of a NIfTI pair -> that of the other."""
_LOCK = threading.Lock()


class Span(NamedTuple):
    """First byte and length of a member in its tar file."""

    offset: int
    size: int


def spans(path: Path) -> Mapping[str, Span]:
    """Return member name -> its place, in the order of the file.

    Raises:
        InputError: no such file, not an uncompressed tar file, damaged or cut, or a name twice.
    """
    try:
        stat = path.stat()
        with _LOCK:  # one thread walks the headers, the others wait for its table
            return _spans(path, stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from error


def read_member(path: Path, name: str) -> bytes:
    """Return the bytes of one member.

    Raises:
        InputError: as `spans`; or no such member.
    """
    span = spans(path).get(name)
    if span is None:
        raise InputError(f"has no member {name}", where=path, fix="build the manifest of the shards again")
    check_memory(span.size, path)
    try:
        with regular(path).open("rb") as file:
            file.seek(span.offset)
            data = file.read(span.size)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from error
    if len(data) < span.size:
        raise InputError("was cut while it was read", where=path, fix=COPY_FIX)
    return data


def members_of(path: Path, member: TarMember) -> list[str]:
    """Return the names that a member of a path stands for: itself and, of a NIfTI pair, the other file; or a series.

    Raises:
        InputError: as `spans`; or there is none.
    """
    if not member.is_series:
        other = member.name.removesuffix(suffix(Path(member.name))) + PAIRS.get(suffix(Path(member.name)), "")
        return [member.name, other] if other in spans(path) else [member.name]
    names = [name for name in spans(path) if name.startswith(member.prefix)]
    if not names:
        raise InputError(f"has no member {member.name}", where=path, fix="build the manifest of the shards again")
    return sorted(names)


@contextmanager
def unpacked(path: Path, member: TarMember) -> Iterator[Path]:
    """Provide a member as a file, or a series as a folder, on disk as long as the context lasts.

    Raises:
        InputError: as `read_member`; inside the context an error names the tar file instead of the scratch file.
    """
    with _scratch(path, member, members_of(path, member)) as place:
        try:
            yield place
        except InputError as error:
            raise type(error)(error.what, where=f"{path}#{member.text}", fix=error.fix) from error


@contextmanager
def _scratch(path: Path, member: TarMember, names: list[str]) -> Iterator[Path]:
    """Write members to disk; one alone needs no folder, whose removal costs more than its picture on some systems."""
    if len(names) == 1 and not member.is_series:
        handle, written = tempfile.mkstemp(prefix="vesalius-", suffix=suffix(Path(names[0])))
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(read_member(path, names[0]))
            yield Path(written)
        finally:
            Path(written).unlink()
        return
    with tempfile.TemporaryDirectory(prefix="vesalius-") as folder:
        places = [Path(folder, name.rpartition("/")[2]) for name in names]
        for place, name in zip(places, names, strict=True):
            place.write_bytes(read_member(path, name))
        yield Path(folder) if member.is_series else places[0]


@lru_cache(maxsize=65536)
def _spans(path: Path, changed_ns: int, size: int) -> Mapping[str, Span]:  # noqa: ARG001
    """Walk the headers of a tar file, once while it is unchanged (`changed_ns`, `size`)."""
    found: dict[str, Span] = {}
    try:
        with regular(path).open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
            for info in tar:
                if not info.isreg() or info.issparse():
                    continue
                name = info.name.removeprefix("./")
                if name in found:
                    raise InputError(f"holds the member {name} twice", where=path, fix="write the shard again")
                found[name] = Span(info.offset_data, info.size)
            file.seek(tar.offset)
            end = file.read(_BLOCK)
    except InputError:
        raise
    except tarfile.ReadError as error:
        what = f"is not a readable uncompressed tar file ({error})"
        raise InputError(what, where=path, fix="copy it again; gunzip a .tar.gz") from error
    except (tarfile.TarError, OSError, ValueError, OverflowError) as error:
        raise InputError(f"is a damaged tar file ({type(error).__name__})", where=path, fix=COPY_FIX) from error
    if len(end) < _BLOCK or any(end):
        raise InputError(f"is damaged or cut behind its member {len(found)}", where=path, fix=COPY_FIX)
    return found
