"""Splits and folds that never divide a patient.

Groups of cases (see `groups`) are assigned one by one, those with the rarest class first, each to the split that lacks
most of the classes of the group; the seed breaks ties. This is iterative stratification (Sechidis et al. 2011,
doi:10.1007/978-3-642-23808-6_10) with three departures: whole groups are assigned; the order of the classes is fixed
at the start; and the lack of a split is summed over all classes of the group, as shares of its target, so that common
classes and patients with many cases also reach every split. The result depends only on the seed, the ratios and the
cases, not on their order, the machine or a version.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

from vesalius.arguments import checked
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.groups import By, groups
from vesalius.errors import UsageError
from vesalius.seeding import digest
from vesalius.wording import some

SPLITS = ("train", "val", "test")
RATIOS = (0.7, 0.15, 0.15)
_EVERY = "every case"
"""A class that all cases have, so that each split also gets its share of cases without labels."""


@checked
def split_cohort(
    cohort: Cohort,
    ratios: Sequence[float] = RATIOS,
    *,
    folds: int = 0,
    by: By = "patient",
    stratify: str | None = None,
    alike: Sequence[Sequence[str]] = (),
    seed: int = 0,
) -> Cohort:
    """Return the cohort with a split for every case, and a fold for those outside the test split.

    Args:
        cohort: cases; their present splits and folds are replaced.
        ratios: shares of train, val and test; they need not sum to 1. A share of 0 leaves that split empty.
        folds: 0, or the number of folds for cross-validation, at least 2.
        by: unit that is kept together.
        stratify: a fact ("group", "view") whose values are spread evenly besides the labels.
        alike: ids of cases that are kept together, too, such as near-duplicates.
        seed: random seed.

    Raises:
        UsageError: impossible ratios or folds, fewer groups than splits, or no case has the fact.

    Example:
        >>> from pathlib import Path
        >>> cases = (Case.build(id=f"c{n}", images={"image": f"{n}.nii"}, patient=f"p{n // 2}") for n in range(12))
        >>> split_cohort(Cohort(tuple(cases), Path()), (4, 1, 1)).splits
        {'train': 8, 'val': 2, 'test': 2}
    """
    _check(ratios, folds)
    together = groups(cohort, by, alike)
    if stratify is not None and not any(stratify in case.facts for case in cohort):
        raise UsageError(f"no case has the fact {stratify!r}", where="--stratify", fix=_known_facts(cohort))
    wanted = {name: share for name, share in zip(SPLITS, ratios, strict=True) if share > 0}
    if len(together) < max(len(wanted), folds):
        raise UsageError(
            f"{len(together)} {by}(s) cannot fill {max(len(wanted), folds)} splits", fix="make fewer splits or folds"
        )
    classes = _classes(stratify)
    split_of = _deal(together, wanted, classes, ("split", seed))
    inside = {name: cases for name, cases in together.items() if split_of[name] != "test"}
    if len(inside) < folds:
        raise UsageError(
            f"{len(inside)} {by}(s) outside the test split cannot fill {folds} folds", fix="make fewer folds"
        )
    fold_of = _deal(inside, {str(fold): 1.0 for fold in range(folds)}, classes, ("fold", seed)) if folds else {}
    group_of = {case.id: name for name, cases in together.items() for case in cases}
    cases = []
    for case in cohort:
        group = group_of[case.id]
        fold = int(fold_of[group]) if group in fold_of else None
        cases.append(case.model_copy(update={"split": split_of[group], "fold": fold}))
    return Cohort(tuple(cases), cohort.root, (*cohort.notes, *_notes(cohort, by)))


def training_splits(
    cohort: Cohort,
    ratios: Sequence[float] = RATIOS,
    *,
    fold: int | None = None,
    seed: int = 0,
    where: str | None = None,
) -> dict[str, Cohort]:
    """Return the cases of "train", "val" and "test"; a split may be empty.

    Splits named in the manifest are kept. A manifest without validation cases is split by patient; an existing test
    split is left as it is. If only a test split exists, the remaining cases are divided into train and val.

    Args:
        cohort: all cases.
        ratios: train, val and test shares of the cases without a split.
        fold: validate on this fold of the manifest; train on all other cases outside the test split.
        seed: random seed of the split.
        where: what names the splits, for messages.

    Raises:
        UsageError: too few patients to split, other split names, train or val given for some cases only, no such
            fold, or a patient or study in more than one split.
    """
    _check_names(cohort, where)
    if fold is not None:
        _check_fold(cohort, fold, where)
        splits = {
            "train": cohort.where(lambda case: case.fold is not None and case.fold != fold),
            "val": cohort.of_fold(fold),
            "test": cohort.of_split("test"),
        }
    else:
        _check_complete(cohort, where)
        cohort = cohort if "val" in cohort.splits else _split(cohort, ratios, seed, where)
        splits = {name: cohort.of_split(name) for name in SPLITS}
    _check_disjoint(splits, where, "split" if fold is None else "fold")
    return splits


def left_out_notes(cohort: Cohort, splits: Mapping[str, Cohort], why: str) -> tuple[str, ...]:
    """Return one sentence about the cases that no split holds and why; empty where every case is used."""
    used = {case.id for split in splits.values() for case in split}
    missing = [case.id for case in cohort if case.id not in used]
    if not missing:
        return ()
    return (f"cases that are left out, as they {why}: {len(missing)} of {len(cohort)}, namely {some(missing)}",)


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
    """Return a function for the classes of a case to spread evenly: positive labels, and the value of a fact."""

    def classes(case: Case) -> list[str]:
        positive = [f"label {name}" for name, value in case.labels.items() if value >= 0.5]
        fact = [] if stratify is None else [f"fact {case.facts.get(stratify)}"]
        return [*positive, *fact, _EVERY]

    return classes


def _deal(
    together: Mapping[str, Sequence[Case]],
    shares: Mapping[str, float],
    classes: Callable[[Case], list[str]],
    names: tuple[str, int],
) -> dict[str, str]:
    """Return the split of each group."""
    counts = {group: Counter(name for case in cases for name in classes(case)) for group, cases in together.items()}
    totals = sum(counts.values(), Counter[str]())
    whole = sum(shares.values())
    lacks = {split: dict.fromkeys(totals, 1.0) for split in shares}  # split -> class -> share still to come
    rank = {name: place for place, name in enumerate(sorted(totals, key=lambda name: (totals[name], name)))}
    chance = {group: digest(*names, group) for group in together}
    empty = set(shares)

    def turn(group: str) -> tuple[int, int]:
        """Rarest class first, then by chance: large groups first would all go to the largest split."""
        return min(rank[name] for name in counts[group]), chance[group]

    def need(split: str, group: str) -> float:
        """How much the split lacks of the classes of the group."""
        return sum(count * lacks[split][name] for name, count in sorted(counts[group].items()))

    order = sorted(together, key=turn)
    split_of: dict[str, str] = {}
    for place, group in enumerate(order):
        open_splits = empty if len(order) - place <= len(empty) else shares  # no split stays empty
        chosen = max(open_splits, key=lambda split: (need(split, group), digest(*names, group, split)))
        for name, count in counts[group].items():
            lacks[chosen][name] -= count * whole / (shares[chosen] * totals[name])
        empty.discard(chosen)
        split_of[group] = chosen
    return split_of


def _notes(cohort: Cohort, by: By) -> list[str]:
    without = sum(case.patient is None for case in cohort)
    notes = []
    if without and by == "patient":
        rest = "its study" if any(case.study for case in cohort if case.patient is None) else "nothing else"
        notes.append(f"{without} of {len(cohort)} cases name no patient and were kept together with {rest}")
    if by == "study" and without < len(cohort):
        notes.append("split by study: a patient with several studies may be in more than one split")
    return notes


def _split(cohort: Cohort, ratios: Sequence[float], seed: int, where: str | None) -> Cohort:
    tested = cohort.of_split("test")
    train, val, test = ratios
    untested = cohort.where(lambda case: case.split != "test")
    try:
        rest = split_cohort(untested, (train, val, 0 if len(tested) else test), seed=seed)
    except UsageError as error:
        if error.where is not None:
            raise
        fix = "give cases of more patients, or a split for each case"
        raise UsageError(error.what, where=where, fix=fix) from error
    notes = rest.notes
    if "train" in cohort.splits:
        notes += ("the manifest has no validation cases: its training cases were split by patient",)
    return Cohort((*rest.cases, *tested.cases), cohort.root, notes)


def _check_names(cohort: Cohort, where: str | None) -> None:
    others = [name for name in cohort.splits if name not in SPLITS]
    if others:
        raise UsageError(f"unknown splits: {some(others)}", where=where, fix=f"call them {', '.join(SPLITS)}")


def _check_fold(cohort: Cohort, fold: int, where: str | None) -> None:
    known = sorted({case.fold for case in cohort if case.fold is not None})
    if not known:
        raise UsageError("the manifest has no folds", where=where, fix="make them with vesalius cohort split --folds 5")
    if fold not in known:
        fix = f"choose from {some([str(number) for number in known])}"
        raise UsageError(f"the manifest has no fold {fold}", where=where, fix=fix)


def _check_complete(cohort: Cohort, where: str | None) -> None:
    without = sum(case.split is None for case in cohort)
    if without and {"train", "val"} & set(cohort.splits):
        what = f"{without} of {len(cohort)} cases have no split, the others have one"
        raise UsageError(what, where=where, fix="give all of them a split, or none (vesalius cohort split)")


def _check_disjoint(splits: Mapping[str, Cohort], where: str | None, kind: str) -> None:
    """Raise UsageError where a patient, a study or a case (of the test split, with a fold) is in two splits."""
    words_of = {"patient": ("patient is", "patients are"), "study": ("study is", "studies are")}
    for unit, words in (words_of | {"id": ("case is", "cases are")}).items():
        seen: dict[str, set[str]] = defaultdict(set)
        for name, split in splits.items():
            for case in split:
                if getattr(case, unit) is not None:
                    seen[getattr(case, unit)].add(name)
        several = sum(len(names) > 1 for names in seen.values())
        if several:
            what = f"{several} {words[several > 1]} in more than one {kind}"
            fix = "find them with vesalius cohort audit, or make new splits with vesalius cohort split"
            raise UsageError(what, where=where, fix=fix)
