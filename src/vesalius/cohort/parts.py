"""The three parts of a cohort that a run trains on, validates on and tests with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from vesalius.cohort.cohort import Cohort
from vesalius.cohort.split import RATIOS, SPLITS, split_cohort
from vesalius.errors import UsageError
from vesalius.wording import some


def training_parts(
    cohort: Cohort,
    ratios: Sequence[float] = RATIOS,
    *,
    fold: int | None = None,
    seed: int = 0,
    where: str | None = None,
) -> dict[str, Cohort]:
    """The cases of "train", "val" and "test"; a part may be empty.

    Splits that the manifest has stay as they are. One without validation cases is split by patient, but for the test
    split where it has one. Cases without a split are dealt out where only a test split is named.

    Args:
        cohort: all cases.
        ratios: train, val and test of what has no split.
        fold: validate on this fold of the manifest and train on the rest of what is not the test split.
        seed: another seed, another split.
        where: what names the splits, for messages.

    Raises:
        UsageError: there are too few patients to split, splits of other names, train or val for some cases only,
            no such fold, or a patient or study in more than one part.
    """
    _check_names(cohort, where)
    if fold is not None:
        _check_fold(cohort, fold, where)
        parts = {
            "train": cohort.where(lambda case: case.fold is not None and case.fold != fold),
            "val": cohort.of_fold(fold),
            "test": cohort.of_split("test"),
        }
    else:
        _check_whole(cohort, where)
        whole = cohort if "val" in cohort.splits else _split(cohort, ratios, seed)
        parts = {name: whole.of_split(name) for name in SPLITS}
    _check_apart(parts, where, "split" if fold is None else "fold")
    return parts


def left_out_notes(cohort: Cohort, parts: Mapping[str, Cohort], why: str) -> tuple[str, ...]:
    """A sentence about the cases that are in no part, with the reason why; none where all are there."""
    used = {case.id for part in parts.values() for case in part}
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
        raise UsageError(
            f"the manifest has no fold {fold}", where=where, fix=f"choose from {some([str(one) for one in known])}"
        )


def _check_whole(cohort: Cohort, where: str | None) -> None:
    without = sum(case.split is None for case in cohort)
    if without and {"train", "val"} & set(cohort.splits):
        what = f"{without} of {len(cohort)} cases have no split, the others have one"
        raise UsageError(what, where=where, fix="give all of them a split, or none (vesalius cohort split)")


def _check_apart(parts: Mapping[str, Cohort], where: str | None, kind: str) -> None:
    """Raise UsageError where a patient or a study is in two parts."""
    for unit, words in (("patient", ("patient is", "patients are")), ("study", ("study is", "studies are"))):
        seen: dict[str, set[str]] = defaultdict(set)
        for name, part in parts.items():
            for case in part:
                if getattr(case, unit) is not None:
                    seen[getattr(case, unit)].add(name)
        several = sum(len(names) > 1 for names in seen.values())
        if several:
            what = f"{several} {words[several > 1]} in more than one {kind}"
            fix = "find them with vesalius cohort audit, or split anew with vesalius cohort split"
            raise UsageError(what, where=where, fix=fix)
