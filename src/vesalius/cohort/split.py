"""Splits and folds in which no patient is on two sides.

Groups of cases (see `groups`) are dealt out one by one, those with the rarest class first, each to the part that
lacks most of what the group has; ties are broken by the seed. This is iterative stratification (Sechidis et al. 2011,
doi:10.1007/978-3-642-23808-6_10) with three departures: whole groups are dealt; the order of the classes is fixed at
the start; and what a part lacks is counted over all classes of the group, as shares of what the part is to have, so
that common classes and patients with many cases come into every part, too. The result only depends on the seed, the
ratios and the cases, not on their order, machine or version.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.groups import By, groups
from vesalius.errors import UsageError
from vesalius.seeding import digest

SPLITS = ("train", "val", "test")
RATIOS = (0.7, 0.15, 0.15)
_EVERY = "every case"
"""Stands for a class that all cases have, so that parts also get their share of the rest."""


def split_cohort(
    cohort: Cohort,
    ratios: Sequence[float] = RATIOS,
    *,
    folds: int = 0,
    by: By = "patient",
    stratify: str | None = None,
    seed: int = 0,
) -> Cohort:
    """The cohort with a split for every case, and a fold for those outside the test split.

    Args:
        cohort: whose splits and folds are replaced.
        ratios: shares of train, val and test; they need not sum to 1. A share of 0 leaves that split empty.
        folds: 0, or the number of parts for cross-validation, at least 2.
        by: what is kept together.
        stratify: a fact ("group", "view") whose values are spread evenly besides the labels.
        seed: another seed, another split.

    Raises:
        UsageError: impossible ratios or folds, fewer groups than parts, or no case has the fact.
    """
    _check(ratios, folds)
    together = groups(cohort, by)
    if stratify is not None and not any(stratify in case.facts for case in cohort):
        raise UsageError(f"no case has the fact {stratify!r}", where="--stratify", fix=_known_facts(cohort))
    wanted = {name: share for name, share in zip(SPLITS, ratios, strict=True) if share > 0}
    if len(together) < max(len(wanted), folds):
        raise UsageError(
            f"{len(together)} {by}(s) cannot fill {max(len(wanted), folds)} parts", fix="ask for fewer parts"
        )
    classes = _classes(stratify)
    split_of = _deal(together, wanted, classes, ("split", seed))
    inside = {name: cases for name, cases in together.items() if split_of[name] != "test"}
    if len(inside) < folds:
        raise UsageError(
            f"{len(inside)} {by}(s) outside the test split cannot fill {folds} folds", fix="ask for fewer folds"
        )
    fold_of = _deal(inside, {str(fold): 1.0 for fold in range(folds)}, classes, ("fold", seed)) if folds else {}
    group_of = {case.id: name for name, cases in together.items() for case in cases}
    cases = []
    for case in cohort:
        group = group_of[case.id]
        fold = int(fold_of[group]) if group in fold_of else None
        cases.append(case.model_copy(update={"split": split_of[group], "fold": fold}))
    return Cohort(tuple(cases), cohort.root, (*cohort.notes, *_notes(cohort, by)))


def _check(ratios: Sequence[float], folds: int) -> None:
    if len(ratios) != len(SPLITS) or any(not 0 <= share < float("inf") for share in ratios) or not any(ratios):
        shown = ",".join(f"{share:g}" for share in ratios)
        raise UsageError(
            f"{shown!r} are not three shares of train, val and test", where="--ratios", fix="write 0.7,0.15,0.15"
        )
    if folds < 0 or folds == 1:
        raise UsageError(f"{folds} folds cannot be made", where="--folds", fix="give 0 or at least 2")


def _known_facts(cohort: Cohort) -> str:
    known = dict.fromkeys(name for case in cohort for name in case.facts)
    return f"choose one of {', '.join(known)}" if known else "this cohort has no facts"


def _classes(stratify: str | None) -> Callable[[Case], list[str]]:
    """What is to be spread evenly of a case: its positive labels, and the value of a fact."""

    def classes(case: Case) -> list[str]:
        found = [f"label {name}" for name, value in case.labels.items() if value >= 0.5]
        if stratify is not None:
            found.append(f"fact {case.facts.get(stratify)}")
        return [*found, _EVERY]

    return classes


def _deal(
    together: Mapping[str, Sequence[Case]],
    shares: Mapping[str, float],
    classes: Callable[[Case], list[str]],
    names: tuple[str, int],
) -> dict[str, str]:
    """The part of each group."""
    counts = {group: Counter(one for case in cases for one in classes(case)) for group, cases in together.items()}
    totals = sum(counts.values(), Counter[str]())
    whole = sum(shares.values())
    lacks = {part: dict.fromkeys(totals, 1.0) for part in shares}  # part -> class -> share still to come
    rank = {one: place for place, one in enumerate(sorted(totals, key=lambda one: (totals[one], one)))}
    chance = {group: digest(*names, group) for group in together}
    empty = set(shares)

    def turn(group: str) -> tuple[int, int]:
        """Rarest class first, then by chance: large groups first would put all of them into the largest part."""
        return min(rank[one] for one in counts[group]), chance[group]

    def need(part: str, group: str) -> float:
        """How much of what the group has the part lacks."""
        return sum(count * lacks[part][one] for one, count in sorted(counts[group].items()))

    order = sorted(together, key=turn)
    dealt: dict[str, str] = {}
    for place, group in enumerate(order):
        open_to = empty if len(order) - place <= len(empty) else shares  # no part stays empty
        part = max(open_to, key=lambda part: (need(part, group), digest(*names, group, part)))
        for one, count in counts[group].items():
            lacks[part][one] -= count * whole / (shares[part] * totals[one])
        empty.discard(part)
        dealt[group] = part
    return dealt


def _notes(cohort: Cohort, by: By) -> list[str]:
    without = sum(case.patient is None for case in cohort)
    notes = []
    if without and by == "patient":
        rest = "its study" if any(case.study for case in cohort if case.patient is None) else "nothing else"
        notes.append(f"{without} of {len(cohort)} cases name no patient and were kept together with {rest}")
    if by == "study" and without < len(cohort):
        notes.append("split by study: a patient with several studies may be in more than one split")
    return notes
