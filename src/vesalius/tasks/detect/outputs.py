"""Files that a detection run adds to its folder, in plain formats.

metrics.json                      every measure
probs.npy                         calibrated probabilities of the held-out studies [S, C]
features/PART_embeddings.npy      vectors of the slices [N, D]
features/PART_index.csv           their study, patient, slice and case (a study of loose slices has many), a line each
features/PART_pooled.npy          means over the slices of each study [S, D]
features/PART_labels.npy          labels of the studies [S, C]
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.csv_table import write_rows
from vesalius.tasks.detect.studies import Studies

Writer = Callable[[Path], None]
FEATURES = "features"


def result_files(results: Mapping[str, Any], p_SC: NDArray[np.float64]) -> dict[str, Writer]:
    """Return the writers of `metrics.json` and `probs.npy`."""

    def metrics(path: Path) -> None:
        path.write_text(json.dumps(results, indent=1, allow_nan=False) + "\n", encoding="utf-8")

    return {"metrics.json": metrics, "probs.npy": partial(_save, p_SC.astype(np.float32))}


def feature_files(parts: Mapping[str, Studies]) -> dict[str, Writer]:
    """Return the writers of the files below `features/`."""
    files: dict[str, Writer] = {}
    for name, studies in parts.items():
        if len(studies):
            files[f"{FEATURES}/{name}_embeddings.npy"] = partial(_embeddings, studies)
            files[f"{FEATURES}/{name}_index.csv"] = partial(_index, studies)
            files[f"{FEATURES}/{name}_pooled.npy"] = partial(_pooled, studies)
            files[f"{FEATURES}/{name}_labels.npy"] = partial(_save, studies.labels_SC)
    return files


def _embeddings(studies: Studies, path: Path) -> None:
    _save(studies.vectors.rows_ND[np.concatenate(studies.rows)], path)


def _pooled(studies: Studies, path: Path) -> None:
    _save(np.stack([studies.vectors.rows_ND[rows].mean(axis=0) for rows in studies.rows]), path)


def _index(studies: Studies, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        write_rows(file, [("row", "study", "patient", "slice", "case")])
        case_of = {at: case for case, rows in studies.vectors.of_case.items() for at in rows.tolist()}
        row = 0
        for study, owner, rows in zip(studies.ids, studies.owners, studies.rows, strict=True):
            patient = owner[0] if owner[1] else ""  # unknown
            for at, item in zip(rows.tolist(), studies.vectors.items_N[rows].tolist(), strict=True):
                write_rows(file, [(row, study, patient, item, case_of[at])])
                row += 1


def _save(array: NDArray[Any], path: Path) -> None:
    with path.open("wb") as file:  # np.save would add a suffix to a name
        np.save(file, np.ascontiguousarray(array))
