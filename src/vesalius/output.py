"""Writing so that nothing is lost and nothing is half-written.

Every output is made under a temporary name beside its target and renamed when it is complete. A killed
process can leave a hidden `.xxxx.part.NAME`, never a wrong file under the target name.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vesalius.errors import OutputError
from vesalius.files import odd_kind


@contextmanager
def as_output_error(path: Path) -> Iterator[None]:
    """What the system refuses within is told as an OutputError about `path`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise OutputError(
            f"cannot be written ({reason})", where=path, fix="check the name, the disk space and the rights"
        ) from error


def refuse_odd(path: Path) -> None:
    """Raise OutputError if `path` is a FIFO, a device or a socket: it is never replaced, others may wait on it."""
    kind = odd_kind(path)
    if kind is not None:
        raise OutputError(f"is {kind}, not a file", where=path, fix="choose another name")


def refuse_existing(path: Path, *, force: bool = False) -> None:
    """Raise OutputError if `path` exists and `force` is not given, or if it is a FIFO, a device or a socket.

    An empty folder counts as absent.
    """
    refuse_odd(path)
    with as_output_error(path):
        if force or not (path.exists() or path.is_symlink()):
            return
        if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
            return
    raise OutputError("exists already", where=path, fix="choose another name or pass --force")


@contextmanager
def new_file(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Yield a temporary path; on success it becomes `path`, on any exception it is removed."""
    refuse_existing(path, force=force)
    if path.is_dir():
        raise OutputError("is a folder, a file is to be written there", where=path, fix="give a file name")
    part = _part_name(path)
    try:
        with as_output_error(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            part.touch(exist_ok=False)
            yield part
            part.replace(path)
    finally:
        with suppress(OSError):  # the first error is the one to tell
            part.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Yield a temporary folder; on success it becomes `path`, else it is removed.

    Under `force` an older `path` is replaced, but only if it holds no file besides those that are written now: what
    somebody else put there is not ours to remove.
    """
    if path.name in ("", ".."):
        raise OutputError("is the folder you are in", where=path, fix="name a new folder in it")
    refuse_existing(path, force=force)
    part = _part_name(path)
    try:
        with as_output_error(path):
            part.mkdir(parents=True)
            yield part
            _swap_folder(part, path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _part_name(path: Path) -> Path:
    return path.with_name(f".{secrets.token_hex(4)}.part.{path.name}")  # the suffix stays: writers go by it


def _swap_folder(part: Path, path: Path) -> None:
    """Put `part` where `path` is; an old `path` is moved aside first and removed last."""
    if path.is_file() or path.is_symlink():
        path.unlink()
    if not path.exists():
        part.replace(path)
        return
    strange = next((one for one in sorted(path.rglob("*")) if not (part / one.relative_to(path)).exists()), None)
    if strange is not None:
        what = f"holds {strange.relative_to(path)}, which is not written now"
        raise OutputError(what, where=path, fix="remove it yourself or choose another folder")
    old = _part_name(path)
    path.replace(old)
    part.replace(path)
    shutil.rmtree(old, ignore_errors=True)
