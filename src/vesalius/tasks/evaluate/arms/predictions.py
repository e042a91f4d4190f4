"""What the cells predicted for the cases that they are measured on, from the tables of their runs.

Letters: S samples (pictures, slices or studies), C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import CorruptFileError, InputError
from vesalius.metrics.drawn import Owner
from vesalius.metrics.one_class import Activation, softmax_log_odds
from vesalius.report.page import TABLE
from vesalius.report.table import read_csv

_IDS = ("case", "study")
_PARTS = ("class", "patient", "logit", "label")
Key = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class CellPredictions:
    """Logits of one or several cells beside the labels.

    Args:
        keys: fold, case (or study) and slice of each sample.
        owners: patient of each sample, or its study where unknown.
        folds_S: number of the fold of each sample; 0 for a test split.
        classes: names.
        logits_SC: float64.
        labels_SC: 0, 1, or NaN where unknown.
    """

    keys: tuple[Key, ...]
    owners: tuple[Owner, ...]
    folds_S: NDArray[np.intp]
    classes: tuple[str, ...]
    logits_SC: NDArray[np.float64]
    labels_SC: NDArray[np.float64]

    @classmethod
    def read(cls, folder: Path, fold: int | None, owners: Mapping[str, Owner]) -> CellPredictions:
        """Read the table of a run of classification.

        Args:
            folder: the run.
            fold: that it measured; None: the test split.
            owners: case -> its owner; the table has numbers of patients, but no studies of cases.

        Raises:
            InputError: it cannot be read, or is another kind of table.
        """
        columns, rows = read_csv(folder / TABLE)
        place = {name: at for at, name in enumerate(columns)}
        if columns[0] not in _IDS or not set(_PARTS) <= set(columns) or not rows:
            raise InputError("is no table of a classifier", where=folder / TABLE, fix="remove the folder and run again")
        number = fold or 0
        samples: dict[Key, int] = {}
        classes: dict[str, int] = {}
        owner_of: list[Owner] = []
        cells: list[tuple[int, int, float, float]] = []
        for row in rows:
            key = (str(number), row[0], row[place["slice"]] if "slice" in place else "")
            if key not in samples:
                patient = row[place["patient"]]
                name, is_patient = (patient, True) if patient else owners.get(row[0], (row[0], False))
                owner_of.append((f"{number} {name}", is_patient))
            sample = samples.setdefault(key, len(samples))
            label = row[place["label"]]
            column = classes.setdefault(row[place["class"]], len(classes))
            cells.append((sample, column, float(row[place["logit"]]), float(label) if label else np.nan))
        logits_SC, labels_SC = (np.full((len(samples), len(classes)), np.nan) for _ in range(2))
        for sample, column, logit, known in cells:
            logits_SC[sample, column], labels_SC[sample, column] = logit, known
        return cls(tuple(samples), tuple(owner_of), np.full(len(samples), number), tuple(classes), logits_SC, labels_SC)

    @classmethod
    def joined(cls, parts: Sequence[CellPredictions]) -> CellPredictions:
        """Join the folds of one model after the other."""
        return cls(
            tuple(key for part in parts for key in part.keys),
            tuple(owner for part in parts for owner in part.owners),
            np.concatenate([part.folds_S for part in parts]),
            parts[0].classes,
            np.concatenate([part.logits_SC for part in parts]),
            np.concatenate([part.labels_SC for part in parts]),
        )


def check_same(predictions: Mapping[object, CellPredictions], where: Path) -> None:
    """Raise CorruptFileError unless all are predictions of the same samples."""
    first, *others = predictions.values()
    for other in others:
        alike = np.array_equal(first.labels_SC, other.labels_SC, equal_nan=True)
        if (first.keys, first.classes, first.owners) != (other.keys, other.classes, other.owners) or not alike:
            what = "its cells were measured on different cases"
            raise CorruptFileError(what, where=where, fix="begin again with --force")


def in_rank_order(predictions: CellPredictions, activation: Activation) -> CellPredictions:
    """Return predictions whose numbers rank samples: the log odds of each class, which are the logits of a sigmoid."""
    if activation == "sigmoid":
        return predictions
    return replace(predictions, logits_SC=softmax_log_odds(predictions.logits_SC))
