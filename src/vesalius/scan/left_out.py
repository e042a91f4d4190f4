"""The line that a scan carries when files in its folder cannot be read: it may lack slices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from vesalius.scan.note import Note
from vesalius.scan.scan import Scan

_LOST = "in its folder cannot be read and may be of this scan"


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
