"""The vectors of a cohort with its cases: what `vesalius embed` writes and `vesalius search` reads. Imports no torch.

features.npy, index.csv, store.json   a feature store (`cohort/features.py`)
cases.csv                             a manifest of the cases whose vectors are there; patients and studies are numbers
recipe.json                           how the vectors were made

Letters: N cases, n rows of one case, D width.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.features import FeatureStore
from vesalius.cohort.manifest import read_manifest, write_manifest
from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.tasks.encode.options import Pool
from vesalius.tasks.encode.recipe import Recipe

CASES = "cases.csv"
KEY = "store_key"
"""Fact of a case: its key in the store."""
_PLACES = np.array([0.0, 0.5, 1.0])
"""Of a stack, from end to end, whose rows are averaged."""


@dataclass(frozen=True, eq=False)
class Collection:
    """A store of vectors and its cases.

    Args:
        folder: that holds them.
        store: the rows.
        cohort: cases, each with rows in the store.
        recipe: how the rows were made.
    """

    folder: Path
    store: FeatureStore
    cohort: Cohort
    recipe: Recipe

    @classmethod
    def open(cls, folder: Path) -> Collection:
        """Open the folder that `vesalius embed` wrote for a manifest.

        Raises:
            InputError: another folder, or it is damaged.
        """
        store, recipe = FeatureStore.open(regular(folder)), Recipe.read(folder)
        try:
            cohort = read_manifest(folder / CASES)
            lost = sum(case.facts.get(KEY) not in store for case in cohort)
            if lost:
                raise InputError(f"names {lost} cases without rows in the store", where=folder / CASES)
        except InputError as error:
            raise InputError(error.what, where=folder / CASES, fix="run vesalius embed again") from error
        return cls(folder, store, cohort, recipe)

    def key(self, case: Case) -> str:
        """Return the key of a case in the store."""
        return str(case.facts[KEY])

    def rows(self, case: Case) -> NDArray[np.float32]:
        """Return the rows of a case, (n, D)."""
        return np.asarray(self.store.rows(self.key(case)), np.float32)

    def patient_numbers(self) -> list[int | None]:
        """Return a number for the patient of each case, None where the patient is unknown."""
        numbers = {name: n for n, name in enumerate(dict.fromkeys(case.patient for case in self.cohort))}
        return [None if case.patient is None else numbers[case.patient] for case in self.cohort]

    def vectors(self) -> NDArray[np.float32]:
        """Return a unit vector for each case, (N, D), see `case_vector`."""
        vectors = [case_vector(self.rows(case)) for case in self.cohort]
        return np.stack(vectors)


def case_vector(rows_nD: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the direction of the mean of unit rows, (D,); its product with another one is the cosine similarity.

    Each slice counts the same, whatever its length. Rows that cancel out give zeros, similar to nothing.

    Example:
        >>> case_vector(np.array([[3.0, 0.0], [0.0, 4.0]], np.float32)).round(3).tolist()
        [0.7070000171661377, 0.7070000171661377]
    """
    return unit(unit(rows_nD).mean(axis=0))


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return vectors along the last axis with length 1; zeros stay."""
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return (rows / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32)


def pooled(rows_nD: NDArray[np.float32], pool: Pool) -> NDArray[np.float32]:
    """Return the rows, or one row: their mean or maximum, or the means near the ends and the middle of the stack.

    A stack begins at the end whose rows have the greater mean (of tokens: where more moves, the base of a heart), so it
    does not matter in which direction its slices are stored.

    Example:
        >>> rows_nD = np.array([[1.0, 2.0], [3.0, 0.0], [5.0, 4.0]], np.float32)
        >>> pooled(rows_nD, "mean").tolist(), pooled(rows_nD, "max").tolist()
        ([[3.0, 2.0]], [[5.0, 4.0]])
        >>> pooled(rows_nD, "stack").round(2).tolist() == pooled(rows_nD[::-1], "stack").round(2).tolist()
        True
    """
    match pool:
        case "none":
            return rows_nD
        case "mean":
            return rows_nD.mean(axis=0, keepdims=True)
        case "max":
            return rows_nD.max(axis=0, keepdims=True)
        case "stack":
            return _stacked(rows_nD)


def pooled_width(width: int, pool: Pool) -> int:
    """Return how many numbers a pooled row has.

    >>> pooled_width(594, "mean"), pooled_width(594, "stack")
    (594, 1782)
    """
    return width * len(_PLACES) if pool == "stack" else width


def _stacked(rows_nD: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the means near both ends and the middle, side by side, (1, 3 D)."""
    place_n = (np.arange(len(rows_nD)) + 0.5) / len(rows_nD)
    if float((place_n - 0.5) @ rows_nD.mean(axis=1, dtype=np.float64)) > 0:
        rows_nD = rows_nD[::-1]
    weights_3n = (1 - np.abs(place_n - _PLACES[:, None]) * (len(_PLACES) - 1)).clip(0)
    weights_3n[weights_3n.sum(axis=1) == 0] = 1.0  # a single slice is both ends and the middle
    weights_3n /= weights_3n.sum(axis=1, keepdims=True)
    return (weights_3n @ rows_nD).astype(np.float32).reshape(1, -1)


def write_cases(cohort: Cohort, keys: dict[str, str], folder: Path) -> Cohort:
    """Write `cases.csv`: cases with a key, without captions, boxes and masks, patients and studies as numbers.

    Args:
        cohort: all cases, in the order that numbers the patients.
        keys: case -> key in the store.
        folder: of the store.

    Returns:
        The cohort that was written, with paths from its own folder.
    """
    patients, studies = ({name: str(n) for n, name in enumerate(names, 1)} for names in _named(cohort))
    cases = [
        Case(
            id=case.id,
            images=case.images,
            patient=None if case.patient is None else patients[case.patient],
            study=None if case.study is None else studies[case.study],
            series=case.series,
            reading=case.reading,
            fourth_axis=case.fourth_axis,
            labels=case.labels,
            facts=case.facts | {KEY: keys[case.id]},
            split=case.split,
            fold=case.fold,
        )
        for case in cohort
        if case.id in keys
    ]
    known = Cohort(tuple(cases), cohort.root)
    write_manifest(known, folder / CASES, force=True)
    return known


def _named(cohort: Cohort) -> tuple[list[str], list[str]]:
    """Return the patients and the studies, each once, in the order of the cases."""
    patients = dict.fromkeys(case.patient for case in cohort if case.patient is not None)
    studies = dict.fromkeys(case.study for case in cohort if case.study is not None)
    return list(patients), list(studies)
