"""One fault of a cohort, or a note about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vesalius.wording import some

Level = Literal["error", "warning", "note"]
LEVELS: tuple[Level, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """One line of an audit.

    Args:
        level: an "error" makes results wrong, a "warning" may, a "note" is a caveat.
        code: the kind of fault, e.g. "patient-in-two-splits".
        text: one sentence that names cases by their ids, never patients.
        cases: ids of the cases concerned.
    """

    level: Level
    code: str
    text: str
    cases: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.level}: {self.code}: {self.text}"


def gathered(level: Level, code: str, cases: Sequence[str], text: str) -> list[Finding]:
    """Return one finding for all of `cases`, none for no cases; `text` follows the ids."""
    return [Finding(level, code, f"{some(cases)}: {text}", tuple(cases))] if cases else []
