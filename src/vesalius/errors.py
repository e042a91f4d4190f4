"""The error tree: every problem that a user can cause is a VesaliusError, whose message is one line.

A message has three parts: where the problem is, what is wrong, what to do. The command line prints it and exits with 2.
Any other exception that reaches the command line is a bug (exit 1).
"""

from __future__ import annotations

from pathlib import Path
from typing import Self
from unicodedata import category

MOST = 500
"""Longest error line, in characters."""
_MOST_WHERE, _MOST_FIX = 180, 200
_LEFT_OUT = " ... "


class VesaliusError(Exception):
    """A problem that the user can mend.

    Args:
        what: what is wrong, in one sentence without a full stop.
        where: the file, folder, key or option concerned, if any.
        fix: what to do, an imperative sentence without a full stop.

    Example:
        >>> print(VesaliusError("is an empty file", where="scan.nii", fix="copy it again"))
        scan.nii: is an empty file; copy it again
    """

    def __init__(self, what: str, *, where: str | Path | None = None, fix: str | None = None) -> None:
        self.what = " ".join(str(what).split())
        self.where = None if where is None else str(where)
        self.fix = None if fix is None else " ".join(fix.split())
        super().__init__(str(self))

    def at(self, where: str | Path) -> Self:
        """Return the error with a place, or itself where it has one."""
        return self if self.where is not None else type(self)(self.what, where=where, fix=self.fix)

    @property
    def reason(self) -> str:
        """What is wrong and what to do, without the place: for reports, which show no path of this machine."""
        return self.what if self.fix is None else f"{self.what}; {self.fix}"

    def __str__(self) -> str:
        tail = "" if self.fix is None else f"; {_shortened(printable(self.fix), _MOST_FIX)}"
        head = "" if self.where is None else f"{_shortened(printable(self.where), _MOST_WHERE)}: "
        return head + _shortened(printable(self.what), MOST - len(head) - len(tail)) + tail


def printable(text: str) -> str:
    r"""Return one line in which control characters and undecodable bytes of file names are escaped.

    Example:
        >>> printable("scan\x1b[2J of\nZoe")
        'scan\\x1b[2J of Zoe'
    """
    line = " ".join(text.splitlines())
    return "".join(
        letter.encode("unicode_escape").decode() if category(letter) in ("Cc", "Cs") else letter for letter in line
    )


def _shortened(text: str, most: int) -> str:
    """Keep the beginning and the end of a text that is longer than `most`."""
    if len(text) <= most:
        return text
    end = (most - len(_LEFT_OUT)) // 2
    return text[: most - len(_LEFT_OUT) - end] + _LEFT_OUT + text[len(text) - end :]


class UsageError(VesaliusError):
    """The command or function was called in a way that cannot work."""


class ConfigError(VesaliusError):
    """A configuration has a wrong key or value."""


class InputError(VesaliusError):
    """A file or folder cannot be read as what it claims to be."""


class GeometryError(VesaliusError):
    """The slice positions of a scan do not allow the operation."""


class CorruptFileError(VesaliusError):
    """A `.vsl` file is damaged, cut short or made by a newer version."""


class TargetError(VesaliusError):
    """A compression target cannot be reached; nothing was written."""


class OutputError(VesaliusError):
    """An output exists already or cannot be written."""


class MissingExtraError(VesaliusError):
    """An optional dependency is not installed."""

    def __init__(self, what: str, *, extra: str) -> None:
        from vesalius.versions import install_command  # slow to import, and few need it

        super().__init__(what, fix=f"install it with: {install_command(extra)}")
        self._extra = extra

    @property
    def reason(self) -> str:
        return f"{self.what}; install it with: pip install 'vesalius[{self._extra}]'"


class TrainingError(VesaliusError):
    """A run cannot go on; the state saved so far is kept."""
