"""Studies as input of a head: vectors of their slices, and labels.

Letters: S studies, N rows (slices) of all studies, B studies of a batch, L slices of the largest of them, D width,
C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.groups import owners
from vesalius.metrics.drawn import Owner
from vesalius.metrics.facts import Facts
from vesalius.tasks.classify.checks import labels_of

Rows = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Vectors:
    """Vectors of slices, with the case of each.

    Args:
        rows_ND: float32, perhaps on disk.
        of_case: case -> its rows, in the order of the slices.
        items_N: slice number of each row.
        labels_NC: of the rows, NaN where unknown; None if only studies have labels.
    """

    rows_ND: NDArray[np.float32]
    of_case: Mapping[str, Rows]
    items_N: NDArray[np.int64]
    labels_NC: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class Studies:
    """The studies of one split of a cohort.

    Args:
        ids: of the studies.
        owners: the patients; where unknown, the study itself.
        rows: of each study among those of `vectors`.
        vectors: of all slices.
        labels_SC: 0 or 1, NaN where unknown; float32.
        slice_labels: the same for the rows of each study; None if no slice has labels.
        facts: age, sex, ... of the first case of each study; empty where there are none.
    """

    ids: tuple[str, ...]
    owners: tuple[Owner, ...]
    rows: tuple[Rows, ...]
    vectors: Vectors
    labels_SC: NDArray[np.float32]
    slice_labels: tuple[NDArray[np.float32], ...] | None = None
    facts: tuple[Facts, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def width(self) -> int:
        """Numbers in a vector, D."""
        return self.vectors.rows_ND.shape[1]

    def batch(self, numbers: Sequence[int] | Rows) -> dict[str, NDArray[np.generic]]:
        """Return some studies, padded to the largest of them.

        Returns:
            {"x": (B, L, D), "there": (B, L) bool, "labels": (B, C), "slice_labels": (B, L, C)}; the last one is all
            NaN if no slice has labels.
        """
        longest, classes = max(len(self.rows[n]) for n in numbers), self.labels_SC.shape[1]
        x_BLD = np.zeros((len(numbers), longest, self.width), np.float32)
        there_BL = np.zeros((len(numbers), longest), bool)
        slices_BLC = np.full((len(numbers), longest, classes), np.nan, np.float32)
        for place, number in enumerate(numbers):
            rows = self.rows[number]
            x_BLD[place, : len(rows)] = self.vectors.rows_ND[rows]
            there_BL[place, : len(rows)] = True
            if self.slice_labels is not None:
                slices_BLC[place, : len(rows)] = self.slice_labels[number]
        labels_BC = self.labels_SC[np.asarray(numbers)]
        return {"x": x_BLD, "there": there_BL, "labels": labels_BC, "slice_labels": slices_BLC}


def studies_of(cohort: Cohort, vectors: Vectors, classes: Sequence[str], unit: str = "case") -> Studies:
    """Return the studies of a split; cases without vectors are left out.

    Args:
        cohort: the cases of the split.
        vectors: of its slices.
        classes: order of the labels.
        unit: "case", or "study": the cases of one study are brought together, in the order of the cohort.
    """
    together: dict[str, list[Case]] = {}
    for case in cohort:
        if case.id in vectors.of_case:
            name = case.study if unit == "study" and case.study is not None else case.id
            together.setdefault(name, []).append(case)
    owner_of = owners(case for cases in together.values() for case in cases)
    labels = [labels_of(cases, classes) for cases in together.values()]
    rows = [[vectors.of_case[case.id] for case in cases] for cases in together.values()]
    joined = tuple(np.concatenate(several) for several in rows)
    known: tuple[NDArray[np.float32], ...] | None = None
    if vectors.labels_NC is not None:
        known = tuple(vectors.labels_NC[numbers] for numbers in joined)
    elif unit == "study":
        known = tuple(_of_slices(several, labels_KC) for several, labels_KC in zip(rows, labels, strict=True))
    return Studies(
        tuple(together),
        tuple(owner_of[cases[0].id] for cases in together.values()),
        joined,
        vectors,
        np.stack([whole(labels_KC) for labels_KC in labels]) if labels else np.empty((0, len(classes)), np.float32),
        known,
        tuple(cases[0].facts for cases in together.values()),
    )


def whole(labels_NC: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the labels of a study, shape (C,): the highest of its parts.

    Unknown where an unknown part could be higher than the others.

    Example:
        >>> whole(np.array([[0, 0], [1, np.nan]], np.float32)).tolist()
        [1.0, nan]
    """
    highest_C = np.max(np.nan_to_num(labels_NC, nan=-1.0), axis=0)
    is_open_C = np.isnan(labels_NC).any(axis=0) & (highest_C < 1)
    return np.where(is_open_C, np.nan, highest_C).astype(np.float32)


def _of_slices(rows: Sequence[Rows], labels_KC: NDArray[np.float32]) -> NDArray[np.float32]:
    """Labels of the rows of a study: of a case that is one slice; unknown for the slices of larger ones."""
    counts_K = np.array([len(case_rows) for case_rows in rows])
    known_KC = np.where(counts_K[:, None] == 1, labels_KC, np.float32(np.nan))
    return np.repeat(known_KC, counts_K, axis=0)
