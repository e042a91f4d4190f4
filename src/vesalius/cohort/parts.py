"""The three parts of a cohort that a run trains on, validates on and tests with."""

from __future__ import annotations

from collections.abc import Sequence

from vesalius.cohort.cohort import Cohort
from vesalius.cohort.split import RATIOS, SPLITS, split_cohort


def training_parts(
    cohort: Cohort, ratios: Sequence[float] = RATIOS, *, fold: int | None = None, seed: int = 0
) -> dict[str, Cohort]:
    """The cases of "train", "val" and "test"; a part may be empty.

    Splits that the manifest has stay as they are. One without validation cases is split by patient, but for the test
    split where it has one.

    Args:
        cohort: all cases.
        ratios: train, val and test of what has no split.
        fold: validate on this fold of the manifest and train on the rest of what is not the test split.
        seed: another seed, another split.

    Raises:
        UsageError: there are too few patients to split.
    """
    if fold is not None:
        return {
            "train": cohort.where(lambda case: case.fold is not None and case.fold != fold),
            "val": cohort.of_fold(fold),
            "test": cohort.of_split("test"),
        }
    whole = cohort if "val" in cohort.splits else _split(cohort, ratios, seed)
    return {name: whole.of_split(name) for name in SPLITS}


def _split(cohort: Cohort, ratios: Sequence[float], seed: int) -> Cohort:
    tested = cohort.of_split("test")
    train, val, test = ratios
    rest = split_cohort(
        cohort.where(lambda case: case.split != "test"), (train, val, 0 if len(tested) else test), seed=seed
    )
    return Cohort((*rest.cases, *tested.cases), cohort.root, rest.notes)
