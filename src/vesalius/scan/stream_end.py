"""The end of a compressed stream: its checksum stands there, so it is reached; what is left over is judged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vesalius.errors import InputError

PADDING = 1 << 20
"""So many zero bytes may follow the values, as tools that write whole blocks leave them; no more is read on."""
_BLOCK = 1 << 16
_FIX = "copy the file again; if that changes nothing, its header and its values contradict each other"


def read_to_end(read: Callable[[int], bytes], path: Path) -> None:
    """Read on behind the last promised byte, so that the decoder compares its checksum.

    Args:
        read: gives at most so many decoded bytes, none at the end; raises what the decoder raises.
        path: for the error.

    Raises:
        InputError: more than padding follows.
    """
    length, padding = 0, True
    while block := read(_BLOCK):
        length += len(block)
        padding = padding and not block.strip(b"\0")
        if length > PADDING:
            raise InputError(f"holds more than {PADDING} bytes beyond what its header promises", where=path, fix=_FIX)
    if not padding:
        raise InputError(surplus(length), where=path, fix=_FIX)


def surplus(length: int) -> str:
    """What a file says that holds more than its header promises."""
    return f"holds {length} bytes more than its header promises"
