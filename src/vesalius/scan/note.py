"""Sentences about a scan that carry more than text: file names, or a level.

A note that names files is shown on this machine only; files that leave it hold the sentence without the names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vesalius.wording import some

if TYPE_CHECKING:  # listing needs no NumPy
    from vesalius.scan.scan import Scan

_LOST = "in its folder cannot be read and may be of this scan"


class Note(str):
    """A sentence that names files.

    Names of files are often names of patients, so a `.vsl` header stores `plain`, the same sentence without names.
    """

    __slots__ = ("plain",)
    plain: str

    def __new__(cls, text: str, plain: str) -> Note:
        note = super().__new__(cls, text)
        note.plain = plain
        return note

    @classmethod
    def naming(cls, what: str, names: Sequence[str]) -> Note:
        """Return the sentence `what`, which holds a count, followed by up to five of the names."""
        return cls(f"{what}: {some(names)}", what)


def plain(note: str) -> str:
    """Return the sentence without names of files."""
    return note.plain if isinstance(note, Note) else note


class Contradiction(str):
    """A sentence about statements of a file that exclude each other: results may rest on the wrong one.

    Args:
        text: the sentence: which statement is used, and how to choose.
        level: "error" where it makes measures wrong, else "warning"; the level of the audit finding.
        kind: the same sentence without the numbers of this scan, to count scans by.
    """

    __slots__ = ("kind", "level")
    level: Literal["error", "warning"]
    kind: str

    def __new__(cls, text: str, level: Literal["error", "warning"], kind: str) -> Contradiction:
        note = super().__new__(cls, text)
        note.level, note.kind = level, kind
        return note

    def __getnewargs__(self) -> tuple[str, Literal["error", "warning"], str]:  # type: ignore[override]
        return str(self), self.level, self.kind


def level_of(note: str) -> Literal["error", "warning", "note"]:
    """Return the level at which an audit reports a sentence about a scan."""
    return note.level if isinstance(note, Contradiction) else "note"


def lost_line(names: Sequence[str]) -> Note:
    """Return the note of a scan that may lack slices, because files in its folder cannot be read.

    Example:
        >>> lost_line(["4.dcm"])
        '1 file in its folder cannot be read and may be of this scan: 4.dcm'
    """
    return Note.naming(f"{len(names)} file{'s' if len(names) > 1 else ''} {_LOST}", names)


def lost_lines(problems: Iterable[str]) -> list[str]:
    """Return the notes that `lost_line` made. They are found by their text: a `.vsl` header stores nothing else."""
    return [line for line in problems if _LOST in line]


def noting(open_scan: Callable[[], Scan], lost: Sequence[Path]) -> Callable[[], Scan]:
    """Wrap `open_scan` so that the scan notes which files in its folder cannot be read."""
    if not lost:
        return open_scan

    def open_noted() -> Scan:
        scan = open_scan()
        others = [problem for problem in scan.problems if _LOST not in problem]
        return replace(scan, problems=(*others, lost_line(sorted(path.name for path in lost))))

    return open_noted
