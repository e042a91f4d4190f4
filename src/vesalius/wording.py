"""Phrases that messages, notes and reports share; lines of progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Progress = Callable[[str], None]
"""Receives one line for the user now and then."""


def some(names: Sequence[str], most: int = 5, between: str = ", ") -> str:
    """Return the first names, and the number of the others.

    Example:
        >>> some(["a", "b", "c"], most=2)
        'a, b and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return between.join(names[:most]) + more


def quiet(line: str) -> None:
    """Show no progress."""
