"""Which cases must stay together when a cohort is split."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from vesalius.cohort.case import Case

By = Literal["patient", "study"]


def groups(cases: Iterable[Case], by: By = "patient", alike: Iterable[Sequence[str]] = ()) -> dict[str, list[Case]]:
    """Return the cases that must stay together, by a name for each group.

    By patient: all cases of one patient. A case without a patient joins its study, and every patient that this study
    is also recorded for; a case with neither is a group alone. By study: all cases of one study; a case without a
    study joins its patient, and every study of this patient.

    Args:
        cases: with unique ids.
        by: unit that is kept together.
        alike: ids of cases that also stay together, such as near-duplicates, and all that stays with them.
    """
    cases = list(cases)
    first, second = ("patient", "study") if by == "patient" else ("study", "patient")
    tree = _Tree()
    homes: dict[str, list[str]] = {}
    """name of a second -> names of the firsts recorded with it"""
    for case in cases:
        outer, inner = getattr(case, first), getattr(case, second)
        if outer is not None and inner is not None:
            homes.setdefault(inner, []).append(outer)
    for case in cases:
        if getattr(case, first) is None and getattr(case, second) is not None:
            for home in homes.get(getattr(case, second), ()):
                tree.join(f"{second} {getattr(case, second)}", f"{first} {home}")
    key_of = {case.id: _key(case, first, second) for case in cases}
    for ids in alike:
        for other in ids[1:]:
            tree.join(key_of[ids[0]], key_of[other])
    together: dict[str, list[Case]] = {}
    for case in cases:
        together.setdefault(tree.root(key_of[case.id]), []).append(case)
    return together


def owners(cases: Iterable[Case]) -> dict[str, tuple[str, bool]]:
    """Return the owner of each case by its id: (patient, True), or (name of its study or itself, False).

    Cases that `groups` keeps together have the same owner.
    """
    owner_of = {}
    for name, together in groups(cases).items():
        kind, _, bare = name.partition(" ")
        is_patient = kind == "patient"
        owner_of.update({case.id: (bare if is_patient else name, is_patient) for case in together})
    return owner_of


def _key(case: Case, first: str, second: str) -> str:
    for field in (first, second):
        if getattr(case, field) is not None:
            return f"{field} {getattr(case, field)}"
    return f"case {case.id}"


class _Tree:
    """Names joined into sets; a set has the name of its smallest member, whatever the order."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def root(self, name: str) -> str:
        path = []
        while name in self._above:
            path.append(name)
            name = self._above[name]
        for below in path:
            self._above[below] = name
        return name

    def join(self, first: str, second: str) -> None:
        low, high = sorted((self.root(first), self.root(second)))
        if low != high:
            self._above[high] = low
