"""Sentences about a scan that are more than text.

Some name files, for eyes on this machine, and have the same sentence for files that leave it; some weigh more than
others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vesalius.wording import some

if TYPE_CHECKING:  # listing needs no NumPy
    from vesalius.scan.scan import Scan

_LOST = "in its folder cannot be read and may be of this scan"


class Note(str):
    """A sentence with names of files in it.

    Names of files are often names of patients, so a note that is stored (in a `.vsl` header) is `plain`.

    Args:
        text: the sentence.
        plain: the same sentence without names.
    """

    __slots__ = ("plain",)
    plain: str

    def __new__(cls, text: str, plain: str) -> Note:
        """See the class."""
        note = super().__new__(cls, text)
        note.plain = plain
        return note

    @classmethod
    def naming(cls, what: str, names: Sequence[str]) -> Note:
        """`what`, a sentence that counts, followed by up to five of the names."""
        return cls(f"{what}: {some(names)}", what)


def plain(note: str) -> str:
    """The sentence without names of files."""
    return note.plain if isinstance(note, Note) else note


class Contradiction(str):
    """A sentence on statements of a file that exclude each other, so that results may rest on the wrong one.

    Args:
        text: the sentence: what was taken, and how to choose.
        level: "error" where measures are wrong by it, else "warning"; an audit calls it that.
        kind: the same sentence without the numbers of this scan, under which many scans are counted.
    """

    __slots__ = ("kind", "level")
    level: Literal["error", "warning"]
    kind: str

    def __new__(cls, text: str, level: Literal["error", "warning"], kind: str) -> Contradiction:
        """See the class."""
        note = super().__new__(cls, text)
        note.level, note.kind = level, kind
        return note

    def __getnewargs__(self) -> tuple[str, Literal["error", "warning"], str]:  # type: ignore[override]
        """For copies and other processes."""
        return str(self), self.level, self.kind


def level_of(note: str) -> Literal["error", "warning", "note"]:
    """How much weight a sentence about a scan has in an audit."""
    return note.level if isinstance(note, Contradiction) else "note"


def lost_line(names: Sequence[str]) -> Note:
    """Of a scan, about files in its folder.

    Examples:
        >>> lost_line(["4.dcm"])
        '1 file in its folder cannot be read and may be of this scan: 4.dcm'
    """
    return Note.naming(f"{len(names)} file{'s' if len(names) > 1 else ''} {_LOST}", names)


def lost_lines(problems: Iterable[str]) -> list[str]:
    """Those of the problems of a scan that say what was left out."""
    return [line for line in problems if _LOST in line]


def noting(open_scan: Callable[[], Scan], lost: Sequence[Path]) -> Callable[[], Scan]:
    """Open a scan that says which files in its folder cannot be read."""
    return partial(_open, open_scan, lost_line(sorted(path.name for path in lost))) if lost else open_scan


def _open(open_scan: Callable[[], Scan], line: str) -> Scan:
    scan = open_scan()
    others = [problem for problem in scan.problems if _LOST not in problem]
    return replace(scan, problems=(*others, line))
