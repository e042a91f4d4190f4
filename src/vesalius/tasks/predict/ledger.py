"""The finished studies of a folder of predictions: a line of JSON for each.

A process that is killed loses no more than the study it was at. A study is known by the content of its images, never
by its name alone: files of the same name in two folders are two studies. Each lists its source and its files,
so that it can be traced to its scan, and removed without touching other files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import chain, count
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from vesalius.cohort.ends import Ends
from vesalius.errors import CorruptFileError, OutputError
from vesalius.files import regular
from vesalius.output import as_output_error, new_file
from vesalius.scan.scan import Scan
from vesalius.scan.stack import SliceStack

RECORD = "studies.jsonl"


@dataclass(frozen=True)
class Finished:
    """A study that was predicted.

    Args:
        name: of its output.
        digest: of its images (`content_digest`).
        measures: what was found, JSON-able.
        source: where its scan lies, seen from what was given; no path of this machine.
        files: that were written for it, from the folder of the predictions.
        viewer: block of the report (`report.page.Viewer`), JSON-able; None without.
    """

    name: str
    digest: str
    measures: dict[str, Any]
    source: str
    files: tuple[str, ...]
    viewer: dict[str, Any] | None = None


class Ledger:
    """The finished studies of a folder, in the order in which they came.

    Args:
        folder: of the predictions.
        studies: finished before; they are rewritten, so that no half line of a killed process stays.

    Raises:
        OutputError: cannot be written.
    """

    def __init__(self, folder: Path, studies: Collection[Finished] = ()) -> None:
        self._path = folder / RECORD
        self.studies = {study.name: study for study in studies}
        with new_file(self._path, force=True) as part:
            part.write_text("".join(map(_line, self.studies.values())), encoding="utf-8")

    @classmethod
    def again(cls, folder: Path, there: Callable[[str], bool]) -> Ledger:
        """Continue that of an earlier run, without the studies whose output is gone.

        Raises:
            CorruptFileError: it is damaged.
            OutputError: cannot be written.
        """
        return cls(folder, [study for study in _read(folder / RECORD) if there(study.name)])

    @classmethod
    def emptied(cls, folder: Path) -> Ledger:
        """Start a new one; files that an earlier run listed are removed, others stay.

        Raises:
            CorruptFileError: it is damaged, so it is unknown what to remove.
            OutputError: cannot be removed or written.
        """
        for study in _read(folder / RECORD):
            _remove(folder, study.files)
        return cls(folder)

    def add(self, study: Finished) -> None:
        """Add a study. Raises OutputError if it cannot be written."""
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(_line(study))
        except OSError as error:
            raise OutputError(f"cannot be written ({error.strerror})", where=self._path, fix="make room") from error
        self.studies[study.name] = study

    def name_for(self, wanted: Sequence[str], digest: str, taken: Collection[str]) -> str:
        """Return the name of a study: that of an earlier run with the same content, else a free one.

        Args:
            wanted: names; the first one that it gets, the others that an earlier run may have given it. What follows
                each are NAME-2, NAME-3, ...
            digest: of its images.
            taken: names that it may not have.
        """
        alike = [name for name, study in self.studies.items() if study.digest == digest and name not in taken]
        for plain in wanted:
            for name in alike:
                if name == plain or (name.startswith(f"{plain}-") and name[len(plain) + 1 :].isdecimal()):
                    return name
        names = chain(wanted[:1], (f"{wanted[0]}-{number}" for number in count(2)))
        return next(name for name in names if name not in taken and name not in self.studies)


def content_digest(scans: Mapping[str, Scan], ends: Ends | None = None) -> str:
    """64 hexadecimal digits that change with the values of any image, their places, times or meaning, and stated ends.

    Raises:
        InputError: the pixels cannot be read.
    """
    whole = hashlib.sha256()
    for name, scan in sorted(scans.items()):
        facts = (name, scan.shape, scan.dtype.str, scan.frame_ms, scan.t_meaning, scan.colour, scan.intensity.unit)
        whole.update(repr(facts).encode())
        for place in (*_places(scan), scan.intensity.slope_TK, scan.intensity.inter_TK, scan.stored()):
            whole.update(np.ascontiguousarray(place).data)
    if ends is not None:
        whole.update(repr(ends.frames).encode())
    return whole.hexdigest()


def _places(scan: Scan) -> tuple[Any, ...]:
    if isinstance(scan.geometry, SliceStack):
        stack = scan.geometry
        thickness = np.array(np.nan if stack.thickness_mm is None else stack.thickness_mm)
        return stack.origins_K3, stack.steps_i_K3, stack.steps_j_K3, thickness
    return () if scan.geometry is None else (scan.geometry,)


def _line(study: Finished) -> str:
    return json.dumps(asdict(study)) + "\n"  # escapes keep names that are not UTF-8


def _read(path: Path) -> list[Finished]:
    """The whole lines; what a killed process left of a last one is passed over."""
    try:
        lines = regular(path).read_text(encoding="utf-8", errors="replace").split("\n")[:-1] if path.exists() else []
        studies = {study.name: study for study in (_finished(json.loads(line)) for line in lines)}
    except (OSError, ValueError, RecursionError, TypeError, KeyError) as error:
        fix = "choose another folder, or empty this one"
        raise CorruptFileError("is not a readable record of finished studies", where=path, fix=fix) from error
    return list(studies.values())


def _finished(raw: dict[str, Any]) -> Finished:
    files = tuple(PurePosixPath(file) for file in raw["files"])
    if any(file.is_absolute() or ".." in file.parts for file in files):
        raise ValueError("a file beyond the folder")
    return Finished(**{**raw, "files": tuple(map(str, files))})


def _remove(folder: Path, files: Sequence[str]) -> None:
    """Remove files of a study, and their folders where nothing else is left in them."""
    paths = [folder / file for file in files]
    removable = [path for path in paths if path.parent == folder or not path.parent.is_symlink()]
    with as_output_error(folder):
        for path in removable:
            path.unlink(missing_ok=True)
    for parent in {path.parent for path in removable} - {folder}:
        with suppress(OSError):  # not empty: another program put something there
            parent.rmdir()
