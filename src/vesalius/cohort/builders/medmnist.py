"""MedMNIST (Yang et al. 2023, doi:10.1038/s41597-022-01721-8): {train,val,test}_{images,labels} in one .npz."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.builders.class_number import class_labels
from vesalius.cohort.builders.files import expected, files_below, relative
from vesalius.cohort.case import IMAGE, Case
from vesalius.cohort.cohort import Cohort
from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.memory import check_archive

_SPLITS = ("train", "val", "test")


def build(folder: Path) -> Cohort:
    """Return one case for each item of the only archive below a folder (or of the archive itself).

    A label column with two values becomes the class "positive", with more values "class0", "class1", ...; several
    columns become "label0", "label1", ...

    Raises:
        InputError: no archive of this form, or several.
    """
    home = folder if folder.is_dir() else folder.parent
    paths = list(files_below(folder, (".npz",))) if folder.is_dir() else [folder]
    paths = [path for path in paths if "train_images" in _names(path)]
    if not paths:
        raise expected("MedMNIST", "no .npz with train_images", folder)
    if len(paths) > 1:
        raise InputError(f"holds {len(paths)} archives", where=folder, fix=f"name one of them, such as {paths[0].name}")
    path = paths[0]
    names = _names(path)
    labels = {split: _labels(path, f"{split}_labels") for split in _SPLITS if f"{split}_labels" in names}
    values = sorted({int(value) for array in labels.values() if array.shape[1] == 1 for value in array[:, 0]})
    cases = []
    for split in _SPLITS:
        if f"{split}_images" in names:
            count = _length(path, f"{split}_images")
            rows = labels.get(split)
            if rows is not None and len(rows) != count:
                raise InputError(f"has {count} {split} images and {len(rows)} labels", where=path)
            cases += [
                Case(
                    id=f"{split}-{index:06d}",
                    images={IMAGE: f"{relative(path, home)}#{split}_images/{index}"},
                    labels={} if rows is None else _named(rows[index], values),
                    split=split,
                )
                for index in range(count)
            ]
    return Cohort(tuple(cases), home, ("no patients known: each item counts as its own",))


def _named(row: NDArray[Any], values: list[int]) -> dict[str, float]:
    if len(row) > 1:
        return {f"label{place}": float(value) for place, value in enumerate(row)}
    return class_labels(int(row[0]), values)


def _names(path: Path) -> set[str]:
    try:
        with zipfile.ZipFile(regular(path)) as archive:
            return {name.removesuffix(".npy") for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile):
        return set()


def _labels(path: Path, name: str) -> NDArray[Any]:
    check_archive(path, f"{name}.npy")
    try:
        with np.load(regular(path), allow_pickle=False) as archive:
            array: NDArray[Any] = archive[name]
    except Exception as error:
        raise InputError(f"array {name!r} cannot be read", where=path) from error
    return array.reshape(len(array), -1)


def _length(path: Path, name: str) -> int:
    """Return the length of the first axis, from the header of the array alone."""
    try:
        with zipfile.ZipFile(regular(path)) as archive, archive.open(f"{name}.npy") as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, _ = read(file)
            return int(shape[0])
    except Exception as error:
        raise InputError(f"array {name!r} cannot be read", where=path) from error
