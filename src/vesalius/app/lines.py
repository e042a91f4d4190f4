"""Errors for the page: one line that shows no path of this machine."""

from __future__ import annotations

import re
from pathlib import Path

from vesalius.errors import VesaliusError, printable

_MOST = 500
_PATH = re.compile(r"(?<![\w/])(?:[A-Za-z]:)?[/\\](?:[^\s/\\,;:'\"()]+[/\\])+([^\s/\\,;:'\"()]*)")
"""An absolute path of two parts or more."""


def line_of(error: BaseException, private: str = "") -> tuple[str, bool]:
    """Return the line for an error, and whether it is a bug, which leaves its details on the server.

    Args:
        error: any exception.
        private: a folder that is left out wherever it occurs.

    Example:
        >>> line_of(VesaliusError("is empty", where="/tmp/x1/scan.nii", fix="copy it again"))
        ('scan.nii: is empty; copy it again', False)
        >>> line_of(KeyError("x"))
        ('An unforeseen KeyError ended the job; the terminal of the server has the details', True)
    """
    if isinstance(error, VesaliusError):
        place = "" if error.where is None else f"{Path(error.where).name}: "
        return without_paths(place + error.reason, private), False
    if isinstance(error, MemoryError):
        return "There is not enough memory for this; use a smaller scan or picture", False
    if isinstance(error, OSError) and error.strerror:
        return f"The server could not read or write a file ({error.strerror.lower()})", False
    kind = type(error).__name__
    return f"An unforeseen {kind} ended the job; the terminal of the server has the details", True


def without_paths(text: str, private: str = "") -> str:
    """Return one line in which absolute paths have lost their folders.

    Example:
        >>> without_paths("cannot read /data/me/a/scan.nii; see 1/2")
        'cannot read scan.nii; see 1/2'
    """
    if private:
        text = text.replace(private.rstrip("/\\"), "")
    return printable(_PATH.sub(lambda match: match[1] or "a folder", text))[:_MOST]
