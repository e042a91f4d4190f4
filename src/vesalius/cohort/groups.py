"""Which cases must stay together when a cohort is split."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from vesalius.cohort.case import Case

By = Literal["patient", "study"]


def groups(cases: Iterable[Case], by: By = "patient") -> dict[str, list[Case]]:
    """Cases that belong together, by a name for each group.

    By patient: all cases of one patient. A case without a patient goes with its study, and with every patient that
    this study is also known of; a case with neither stands alone. By study: all cases of one study; a case without
    a study goes with its patient, and with every study of this patient.
    """
    cases = list(cases)
    first, second = ("patient", "study") if by == "patient" else ("study", "patient")
    tree = _Tree()
    homes: dict[str, list[str]] = {}
    """name of a second -> names of the firsts seen with it"""
    for case in cases:
        one, other = getattr(case, first), getattr(case, second)
        if one is not None and other is not None:
            homes.setdefault(other, []).append(one)
    for case in cases:
        if getattr(case, first) is None and getattr(case, second) is not None:
            for one in homes.get(getattr(case, second), ()):
                tree.join(f"{second} {getattr(case, second)}", f"{first} {one}")
    together: dict[str, list[Case]] = {}
    for case in cases:
        together.setdefault(tree.root(_key(case, first, second)), []).append(case)
    return together


def owners(cases: Iterable[Case]) -> dict[str, tuple[str, bool]]:
    """Whose each case is, by its id: (patient, True), or (name of its study or of itself, False) without a patient.

    Cases that `groups` keeps together have one owner.
    """
    found = {}
    for name, together in groups(cases).items():
        kind, _, bare = name.partition(" ")
        is_patient = kind == "patient"
        found.update({case.id: (bare if is_patient else name, is_patient) for case in together})
    return found


def _key(case: Case, first: str, second: str) -> str:
    for field in (first, second):
        if getattr(case, field) is not None:
            return f"{field} {getattr(case, field)}"
    return f"case {case.id}"


class _Tree:
    """Names joined into sets; the name of a set is its smallest one, so that it does not depend on the order."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def root(self, name: str) -> str:
        path = []
        while name in self._above:
            path.append(name)
            name = self._above[name]
        for one in path:
            self._above[one] = name
        return name

    def join(self, one: str, other: str) -> None:
        low, high = sorted((self.root(one), self.root(other)))
        if low != high:
            self._above[high] = low
