"""A part of the patients of a cohort, the same for the same seed; a smaller part lies within each larger one.

Patients with the same labels form a stratum. Each stratum is shuffled and laid out evenly from 0 to 1, from a start of
its own (systematic sampling), so that the first patients of the common order hold nearly the same share of every
stratum, however few they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.groups import groups
from vesalius.seeding import digest, shuffled

_WHOLE = 2.0**128
"""Of the numbers that `digest` returns."""


def share_of_patients(cohort: Cohort, percent: float, seed: int = 0) -> Cohort:
    """Return the cases of some of the patients, in the order of the cohort.

    Cases that name no patient count as `groups` joins them.

    Args:
        cohort: cases with unique ids.
        percent: of the patients, in (0, 100]; rounded to whole patients, at least one.
        seed: decides which patients.

    Raises:
        ValueError: `percent` is out of range.

    Example:
        >>> from pathlib import Path
        >>> cases = [Case.build(id=f"c{n}", images={"image": f"{n}.png"}, labels={"sick": n % 2}) for n in range(40)]
        >>> part = share_of_patients(Cohort(tuple(cases), Path()), 10)
        >>> len(part), sum(case.labels["sick"] for case in part)
        (4, 2.0)
    """
    if not 0 < percent <= 100:
        raise ValueError(f"{percent} percent of the patients")
    together = groups(cohort)
    count = max(1, round(len(together) * percent / 100))
    chosen = {case.id for name in _ordered(together, seed)[:count] for case in together[name]}
    return cohort.where(lambda case: case.id in chosen)


def _ordered(together: dict[str, list[Case]], seed: int) -> list[str]:
    """Return the names of the patients in an order whose beginnings are stratified."""
    strata: dict[str, list[str]] = defaultdict(list)
    for name, cases in together.items():
        strata[_labels(cases)].append(name)
    place_of: dict[str, float] = {}
    for labels, names in strata.items():
        start = digest("subset", seed, labels) / _WHOLE
        for number, name in enumerate(shuffled(names, "subset", seed)):
            place_of[name] = (number + start) / len(names)
    return sorted(place_of, key=lambda name: (place_of[name], digest("subset", seed, name)))


def _labels(cases: Sequence[Case]) -> str:
    """Return the labels of a patient in words: known ones by name, positive where any case is."""
    highest: dict[str, float] = {}
    for case in cases:
        for name, value in case.labels.items():
            highest[name] = max(value, highest.get(name, 0.0))
    return ", ".join(f"{name} {value >= 0.5}" for name, value in sorted(highest.items()))
