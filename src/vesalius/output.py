"""Atomic writing: no output is lost or left half-written.

Every output is written under a temporary name beside its target and renamed when it is complete. A killed process can
leave a hidden `.xxxx.part.NAME`, never a wrong file under the target name.

Two runs on one target: a run compares the target with its state at the start of the run before it replaces it, so the
second to finish ends with an error. A run that writes into a folder for long locks it (`sole_writer`).
"""

from __future__ import annotations

import functools
import inspect
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

from vesalius.errors import OutputError, VesaliusError
from vesalius.files import odd_kind

try:
    import fcntl
except ImportError:  # Windows: targets are compared, not locked
    fcntl = None  # type: ignore[assignment]

_P = ParamSpec("_P")
_R = TypeVar("_R")
_Identity = tuple[int, int, int, int]
_TRIES, _PAUSE_S = 50, 0.02
_held: set[tuple[int, int]] = set()
"""Device and inode of the folders that this process has locked."""


class OvertakenError(OutputError):
    """Another run wrote the target in the meantime; its output stays."""


@contextmanager
def as_output_error(path: Path) -> Iterator[None]:
    """Turn OSError inside the block into OutputError for `path`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise OutputError(
            f"cannot be written ({reason})", where=path, fix="check the name, the disk space and the rights"
        ) from error


def refuse_odd(path: Path) -> None:
    """Raise OutputError for a FIFO, a device or a socket: these are never replaced, others may wait on them."""
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
    part, seen = _part_name(path), _identity(path)
    try:
        with as_output_error(path), _by_its_name(part, path):
            path.parent.mkdir(parents=True, exist_ok=True)
            part.touch(exist_ok=False)
            yield part
            with _publishing(path, seen):
                part.replace(path)
    finally:
        with suppress(OSError):  # the first error is reported
            part.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Yield a temporary folder; on success it becomes `path`, else it is removed.

    Under `force` an older `path` is replaced, but only if it holds no files besides those that are written now: files
    of other origin are not removed.
    """
    if path.name in ("", ".."):
        raise OutputError("is the folder you are in", where=path, fix="name a new folder in it")
    refuse_existing(path, force=force)
    part, seen = _part_name(path), _identity(path)
    try:
        with as_output_error(path), _by_its_name(part, path):
            part.mkdir(parents=True)
            yield part
            with _publishing(path, seen):
                _swap_folder(part, path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def claim(folder: Path, *, force: bool = False, belongs: bool = False) -> None:
    """Take a folder that is written into for long: make it, or go on in one that holds something.

    Args:
        folder: absent, empty, or held as `force` and `belongs` say.
        force: take it whatever it holds; the caller removes only files of its own earlier runs.
        belongs: it holds an earlier run that is continued or replaced.

    Raises:
        OutputError: it holds something else, is no folder, or cannot be made.
    """
    refuse_existing(folder, force=force or belongs)
    if folder.exists() and not folder.is_dir():
        raise OutputError("is a file, a folder is to be made there", where=folder, fix="choose another name")
    with as_output_error(folder):
        folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Lock a folder that is written into for long; an absent folder is made, and removed again if it stays empty.

    The lock ends with the process, however that ends; file systems without locks give none.

    Raises:
        OutputError: another process holds it.
    """
    if fcntl is None or (folder.exists() and not folder.is_dir()):  # a file: the writer reports it
        yield
        return
    new_folders = [path for path in (folder, *folder.parents) if not path.exists()]
    with as_output_error(folder):
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    facts = os.fstat(handle)
    key = (facts.st_dev, facts.st_ino)
    already = key in _held
    try:
        if not already and not _locked(handle):
            what, fix = "another run is writing there", "wait until it ends, or choose another folder"
            raise OutputError(what, where=folder, fix=fix)
        _held.add(key)
        yield
    finally:
        if not already:
            _held.discard(key)
        os.close(handle)
        for path in new_folders:
            with suppress(OSError):  # not empty
                path.rmdir()


def alone(writes: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorate a function that writes into the folder `output` for long: it locks that folder."""

    @functools.wraps(writes)
    def locked(*arguments: _P.args, **named: _P.kwargs) -> _R:
        with sole_writer(Path(inspect.signature(writes).bind(*arguments, **named).arguments["output"])):
            return writes(*arguments, **named)

    return locked


def _locked(handle: int) -> bool:
    """Take the lock of a folder, if it is free; True also where the file system has no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


@contextmanager
def _publishing(path: Path, seen: _Identity | None) -> Iterator[None]:
    """Take turns with other runs in the target's folder, and refuse a target that is not what was `seen`."""
    with _turn(path.parent):
        if _identity(path) != seen:
            what = "was written by another run in the meantime and is kept"
            raise OvertakenError(what, where=path, fix="choose another name, or wait until other runs end")
        yield


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    handle = None
    try:
        if fcntl is not None:
            handle = os.open(folder, os.O_RDONLY)
            facts = os.fstat(handle)
            for _ in range(0 if (facts.st_dev, facts.st_ino) in _held else _TRIES):
                if _locked(handle):
                    break
                time.sleep(_PAUSE_S)  # a run that locks the folder for long is not waited for
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _identity(path: Path) -> _Identity | None:
    """Return facts that change when the target is written; None where there is no target."""
    try:
        facts = path.lstat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino, facts.st_mtime_ns, facts.st_size


@contextmanager
def _by_its_name(part: Path, path: Path) -> Iterator[None]:
    """Let errors name the target, not the temporary file."""
    try:
        yield
    except VesaliusError as error:
        for name in ("what", "where", "fix"):
            text = getattr(error, name)
            if text is not None:
                setattr(error, name, text.replace(part.name, path.name))
        error.args = (str(error),)
        raise


def _part_name(path: Path) -> Path:
    return path.with_name(f".{secrets.token_hex(4)}.part.{path.name}")  # the suffix stays: writers go by it


def _swap_folder(part: Path, path: Path) -> None:
    """Put `part` where `path` is; an old `path` is moved aside first and removed last."""
    if path.is_file() or path.is_symlink():
        path.unlink()
    if not path.exists():
        part.replace(path)
        return
    foreign = next((old for old in sorted(path.rglob("*")) if not (part / old.relative_to(path)).exists()), None)
    if foreign is not None:
        what = f"holds {foreign.relative_to(path)}, which this command does not write"
        raise OutputError(what, where=path, fix="remove it yourself or choose another folder")
    old = _part_name(path)
    path.replace(old)
    part.replace(path)
    shutil.rmtree(old, ignore_errors=True)
