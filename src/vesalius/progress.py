"""Counts of the work inside one input, such as the windows of a volume, for the display of the process.

A verb reports lines to its caller's callback (`wording.Progress`). What is counted here lies deep below the verbs, and
is shown only where a display was set, as the command line does: no argument is passed through for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Show = Callable[[float, float, str], None]
"""Receives what is done, the whole, and the unit, e.g. (3, 40, "windows")."""
MB = "MB"
"""Unit of a million bytes, shown with a speed."""
_T = TypeVar("_T")
_shown: list[Show] = []


def show_counts(show: Show | None) -> None:
    """Show counts with a function from now on; None: nowhere."""
    _shown[:] = [] if show is None else [show]


def count(done: float, total: float, unit: str) -> None:
    """Show how much of one input is done; `done` reaches `total` at its end."""
    for show in _shown:
        show(done, total, unit)


def counted(items: Iterable[_T], total: int, unit: str) -> Iterator[_T]:
    """Yield items, and show how many were worked on.

    Example:
        >>> seen = []
        >>> show_counts(lambda done, total, unit: seen.append(f"{done} of {total} {unit}"))
        >>> list(counted("ab", 2, "letters")), seen
        (['a', 'b'], ['1 of 2 letters', '2 of 2 letters'])
        >>> show_counts(None)
    """
    for number, item in enumerate(items, 1):
        yield item
        count(number, total, unit)
