"""Judges what the package makes of one damaged input, in one word.

refused     one line of error, as the house rules demand
equal       the values, geometry and times of the sound file
noted       something differs, and the scan has a note that the sound file has not
differs     something differs without a note; allowed only where no checksum covers the damage
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fuzz import containers, documents
from fuzz.formats import Specimen
from vesalius.codec.container import SUFFIX
from vesalius.codec.decode import decode_scan
from vesalius.errors import VesaliusError
from vesalius.scan.open import find_scans

OUTCOMES = ("refused", "equal", "noted", "differs")
_LONGEST = 500


@dataclass(frozen=True)
class Facts:
    """Everything that a user relies on, of every scan at a path."""

    scans: tuple[tuple[Any, ...], ...]
    notes: frozenset[str]
    errors: tuple[str, ...]


class FaultError(AssertionError):
    """The package did something forbidden."""


def facts_of(path: Path) -> Facts:
    """Read everything at a path; a scan that is refused alone leaves an error."""
    read = documents.reader_of(path) or containers.reader_of(path)
    if read is not None:
        return Facts((read(path),), frozenset(), ())
    if path.suffix == SUFFIX:
        tiers = [decode_scan(path, name) for name in ("lossless", "lossy") if _has(path, name)]
        return Facts(tuple(map(_scan, tiers)), frozenset(), ())
    scans, notes, errors = [], set(), []
    for found in find_scans(path):
        try:
            scan = found.open()
            scans.append(_scan(scan.resident()))
            notes |= set(scan.problems)
        except VesaliusError as error:
            errors.append(str(error))
    return Facts(tuple(scans), frozenset(notes), tuple(errors))


def _has(path: Path, tier: str) -> bool:
    from vesalius.codec.decode import open_vsl

    return any(record.name == tier for record in open_vsl(path).header.tiers)


def _scan(scan) -> tuple[Any, ...]:
    stored = np.ascontiguousarray(scan.stored())
    grid = None if scan.grid_problem else scan.affine.round(4).tobytes()
    with np.errstate(all="ignore"):
        real = b"" if stored.dtype.kind == "c" else scan.values().tobytes()
    return (stored.shape, stored.dtype.str, stored.tobytes(), real, grid, scan.frame_ms, scan.t_meaning, scan.colour)


def judge(specimen: Specimen, sound: Facts, changed: bytes, start: int) -> str:
    """Return the outcome for other bytes in the mutated file.

    Raises:
        FaultError: a silent difference under a checksum, or an error that is not a single short line.
    """
    with tempfile.TemporaryDirectory(prefix="fuzz") as folder:
        path = specimen.write(Path(folder), changed)
        try:
            got = facts_of(path)
        except VesaliusError as error:
            _check(str(error))
            return "refused"
    for error in got.errors:
        _check(error)
    if got.scans == sound.scans and not got.errors:
        return "equal"
    if not got.scans:
        return "refused"
    if got.errors or got.notes - sound.notes:
        return "noted"
    if specimen.is_guarded(start):
        raise FaultError("other values, silently, under a checksum")
    return "differs"


def _check(line: str) -> None:
    if "\n" in line or len(line) > _LONGEST or ".part" in line or "Traceback" in line:
        raise FaultError(f"not a line for a user: {line[:600]!r}")


@contextlib.contextmanager
def nothing_printed() -> Iterator[None]:
    """Fail where a C library writes to the process's own stdout or stderr."""
    with tempfile.TemporaryFile() as seen:
        kept = os.dup(1), os.dup(2)
        os.dup2(seen.fileno(), 1)
        os.dup2(seen.fileno(), 2)
        try:
            yield
        finally:
            for number, copy in enumerate(kept, 1):
                os.dup2(copy, number)
                os.close(copy)
        seen.seek(0)
        text = seen.read(2000)
    if text:
        raise FaultError(f"a library printed: {text!r}")


def emptied(folder: Path) -> Path:
    """The folder, empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
