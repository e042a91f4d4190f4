"""The splits that a run trains on, validates on and tests with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from vesalius.cohort.cohort import Cohort
from vesalius.cohort.split import RATIOS, SPLITS, split_cohort
from vesalius.errors import UsageError
from vesalius.wording import some


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
        cohort = cohort if "val" in cohort.splits else _split(cohort, ratios, seed)
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


def _split(cohort: Cohort, ratios: Sequence[float], seed: int) -> Cohort:
    tested = cohort.of_split("test")
    train, val, test = ratios
    rest = split_cohort(
        cohort.where(lambda case: case.split != "test"), (train, val, 0 if len(tested) else test), seed=seed
    )
    return Cohort((*rest.cases, *tested.cases), cohort.root, rest.notes)


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
    """Raise UsageError where a patient or a study is in two splits."""
    for unit, words in (("patient", ("patient is", "patients are")), ("study", ("study is", "studies are"))):
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
