"""How damaged files are reported: files that cannot be read, and streams that hold more than their header promises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vesalius.errors import InputError

COPY_FIX = "check that the copy is complete"
DEFLATE_MAX_RATIO = 1032
"""Largest expansion of a deflate stream; a header that promises more is wrong."""
PADDING = 1 << 20
"""Zero bytes allowed after the values (tools that write whole blocks leave them); reading stops there."""
_BLOCK = 1 << 16
_SURPLUS_FIX = "copy the file again; if that changes nothing, its header and its values contradict each other"


def not_readable(path: Path, error: OSError) -> InputError:
    """Return the error for a file that the system does not let us read."""
    fix = "get permission to read it" if isinstance(error, PermissionError) else None
    return InputError(f"cannot be read ({error.strerror or type(error).__name__})", where=path, fix=fix)


def not_decodable(path: Path, error: Exception, kind: str) -> InputError:
    """Return the one-line error for what a library raised on a damaged file that was read as `kind` ("a picture")."""
    if isinstance(error, FileNotFoundError):
        return InputError("no such file", where=path)
    lines = str(error).replace(repr(str(path)), "it").strip().splitlines()
    reason = (lines[0] if lines else type(error).__name__)[:160]
    return InputError(f"cannot be read as {kind} ({reason})", where=path, fix=COPY_FIX)


def read_to_end(read: Callable[[int], bytes], path: Path) -> None:
    """Read past the last promised byte, so that the decoder compares the checksum at the end of its stream.

    `read` returns at most the given number of decoded bytes, none at the end, and raises what the decoder raises.

    Raises:
        InputError: more than padding follows.
    """
    length, padding = 0, True
    while block := read(_BLOCK):
        length += len(block)
        padding = padding and not block.strip(b"\0")
        if length > PADDING:
            what = f"holds more than {PADDING} bytes beyond what its header promises"
            raise InputError(what, where=path, fix=_SURPLUS_FIX)
    if not padding:
        raise InputError(surplus(length), where=path, fix=_SURPLUS_FIX)


def surplus(length: int) -> str:
    """Return the words for a file that holds more than its header promises.

    Example:
        >>> surplus(12)
        'holds 12 bytes more than its header promises'
    """
    return f"holds {length} bytes more than its header promises"


def surplus_notes(length: int) -> list[str]:
    """Return the note of a scan whose file goes on after the values, [] where `length` is 0."""
    return [f"the file {surplus(length)}; they are not read"] if length else []
