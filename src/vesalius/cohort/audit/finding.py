"""One thing that is wrong, or worth knowing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning", "note"]
LEVELS: tuple[Level, ...] = ("error", "warning", "note")
_SHOWN = 4


@dataclass(frozen=True)
class Finding:
    """One line of an audit.

    Args:
        level: an "error" makes results wrong, a "warning" may, a "note" is worth knowing.
        code: word for the kind of fault, e.g. "patient-in-two-splits".
        text: one sentence that names cases by their ids, never patients.
        cases: ids of the cases concerned.
    """

    level: Level
    code: str
    text: str
    cases: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.level}: {self.code}: {self.text}"


def some(names: Iterable[str]) -> str:
    """The first few names and how many more there are."""
    names = list(names)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def gathered(level: Level, code: str, cases: Sequence[str], text: str) -> list[Finding]:
    """One finding for all of `cases`, or none where there are none; `text` is what follows the ids."""
    return [Finding(level, code, f"{some(cases)}: {text}", tuple(cases))] if cases else []
