"""PatchCamelyon (Veeling et al. 2018, arXiv:1806.03962): pictures of 96 x 96 pixels in HDF5, splits in file names.

`camelyonpatch_level_2_split_{train,valid,test}_x.h5` holds x (N, 96, 96, 3), `..._y.h5` holds y (N, 1, 1, 1), and
`..._meta.csv`, where it is there, has a row for each picture with its slide (`wsi`) and its place on it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.arrays import hdf5_array
from vesalius.cohort.builders.files import SPLITS, expected, files_below, number_or_text, relative
from vesalius.cohort.case import IMAGE, Case, Fact
from vesalius.cohort.cohort import Cohort
from vesalius.csv_table import read_text_table
from vesalius.errors import InputError
from vesalius.memory import check_memory

LABEL = "metastasis"
"""The class: metastatic tissue in the middle 32 x 32 pixels."""
_PICTURES = re.compile(r"(?P<start>camelyonpatch_level_2_split_(?P<split>train|valid|test))_x\.h5", re.IGNORECASE)
_PLACE = ("coord_x", "coord_y")


def build(folder: Path) -> Cohort:
    """Return one case for each picture; its slide is its patient where the meta file names it.

    Raises:
        InputError: no such files, or pictures, labels and rows that do not fit each other.
        MissingExtraError: h5py is not installed.
    """
    files = {
        match["split"].lower(): (path, match["start"])
        for path in files_below(folder, (".h5",))
        if (match := _PICTURES.fullmatch(path.name))
    }
    if not files:
        raise expected("PatchCamelyon", "no camelyonpatch_level_2_split_*_x.h5 (unpack .gz files)", folder)
    cases: list[Case] = []
    unknown = []
    for split in (name for name in SPLITS if name in files):
        path, start = files[split]
        labels = _labels(path.with_name(f"{start}_y{path.suffix}"), _count(path))
        rows = _rows(path.with_name(f"{start}_meta.csv"), len(labels))
        if rows is None:
            unknown.append(split)
        for index, label in enumerate(labels.tolist()):
            row = {} if rows is None else rows[index]
            facts: dict[str, Fact] = {name: number_or_text(row[name]) for name in _PLACE if row.get(name)}
            cases.append(
                Case(
                    id=f"{SPLITS[split]}-{index:06d}",
                    patient=row.get("wsi") or None,
                    images={IMAGE: f"{relative(path, folder)}#x/{index}"},
                    labels={LABEL: float(label)},
                    facts=facts,
                    split=SPLITS[split],
                )
            )
    notes = [f"patients unknown without the meta file: {', '.join(unknown)}; each picture counts as its own"]
    return Cohort(tuple(cases), folder, tuple(notes if unknown else ()))


def _count(path: Path) -> int:
    """Return the number of pictures of a file."""
    shape = hdf5_array(path, "x").shape
    if len(shape) != 4 or shape[3] != 3 or 0 in shape:
        raise InputError(f"x has the shape {shape}, not (N, rows, columns, 3)", where=path)
    return int(shape[0])


def _labels(path: Path, count: int) -> NDArray[np.uint8]:
    """Return the label of each picture, 0 or 1."""
    array = hdf5_array(path, "y")
    if array.shape[0] != count or math.prod(array.shape) != count:
        raise InputError(f"y has the shape {array.shape}, but there are {count} pictures", where=path)
    check_memory(2 * count * array.dtype.itemsize, path)
    try:
        labels = np.asarray(array).reshape(-1)
    except Exception as error:  # HDF5 filters raise many kinds on damaged chunks
        raise InputError("y cannot be decoded", where=path) from error
    if not np.isin(labels, (0, 1)).all():
        raise InputError("y holds other labels than 0 and 1", where=path)
    return labels.astype(np.uint8)


def _rows(path: Path, count: int) -> Sequence[dict[str, str]] | None:
    """Return the rows of a meta file; None where there is none."""
    if not path.exists():
        return None
    rows = read_text_table(path).rows()
    if len(rows) != count or "wsi" not in rows[0]:
        what = f"has {len(rows)} rows for {count} pictures" if len(rows) != count else "has no column wsi"
        raise InputError(what, where=path, fix="copy it again, or move it away")
    return rows
