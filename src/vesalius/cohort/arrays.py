"""Items of array files: .npy, .npz and HDF5.

Letters: N items of an array.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.item import ArrayItem
from vesalius.errors import InputError, MissingExtraError
from vesalius.files import regular
from vesalius.memory import check_archive, check_memory

HDF5 = (".h5", ".hdf5")
"""Suffixes of HDF5 files."""
_NUMBERS = "biufc"


def array_item(path: Path, item: ArrayItem) -> NDArray[Any]:
    """Return one item of an array file, as it lies in the array.

    Raises:
        InputError: no such file, array or item.
        MissingExtraError: an HDF5 file, without h5py.
    """
    try:
        stat = path.stat()
        array_N = _array(path, item.array, stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from error
    if item.index >= len(array_N):
        raise InputError(f"array {item.array!r} has {len(array_N)} items, none numbered {item.index}", where=path)
    try:
        value: NDArray[Any] = np.asarray(array_N[item.index])
    except Exception as error:  # HDF5 filters raise many kinds on damaged chunks
        raise InputError(f"item {item.index} of array {item.array!r} cannot be decoded", where=path) from error
    return value


def hdf5_array(path: Path, name: str) -> Any:
    """Return an array of an HDF5 file as an h5py dataset, whose values are read on demand.

    Links to other files are never followed: neither external links, nor external storage, nor virtual data sets.

    Raises:
        InputError: damaged, no such array, no numbers, or values outside the file.
        MissingExtraError: h5py is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError("h5py, which reads HDF5, is not installed", extra="wsi") from error
    if not path.exists():
        raise InputError("no such file", where=path)
    try:
        place: Any = h5py.File(str(regular(path)), "r")
    except InputError:
        raise
    except Exception as error:  # h5py raises OSError, RuntimeError, KeyError, ... on damaged files
        raise InputError(
            "is not a readable HDF5 file", where=path, fix="copy it again, unpack it if it is .gz"
        ) from error
    try:
        for part in name.split("/"):
            if not isinstance(place.get(part, getlink=True), h5py.HardLink):
                raise InputError(f"has no array {name!r} of its own", where=path, fix="check the name of the array")
            place = place[part]
        _check_array(place, isinstance(place, h5py.Dataset), name, path)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"array {name!r} cannot be read", where=path) from error
    return place


def _check_array(array: Any, is_array: bool, name: str, path: Path) -> None:
    """Refuse what is no array of numbers inside the file, and items or chunks that do not fit into memory."""
    if not is_array or not array.shape or array.dtype.kind not in _NUMBERS:
        raise InputError(f"{name!r} is not an array of numbers", where=path, fix="check the name of the array")
    if array.is_virtual or array.external:
        what = f"the values of array {name!r} lie in other files"
        raise InputError(what, where=path, fix="copy them into one file (h5repack)")
    chunk = math.prod(array.chunks or (1, *array.shape[1:]))
    check_memory((chunk + 2 * math.prod(array.shape[1:])) * array.dtype.itemsize, path)


@lru_cache(maxsize=4)
def _array(path: Path, name: str, changed_ns: int, size: int) -> Any:  # noqa: ARG001
    """Return an array of a file, kept while the file is unchanged (`changed_ns`, `size`)."""
    if path.suffix.lower() in HDF5:
        return hdf5_array(path, name)
    try:
        if path.suffix.lower() == ".npy":
            loaded = np.load(regular(path), mmap_mode="r", allow_pickle=False)
        else:
            check_archive(path, f"{name}.npy")
            with np.load(regular(path), allow_pickle=False) as archive:
                loaded = archive[name]
    except (OSError, InputError):
        raise
    except Exception as error:
        raise InputError(f"has no readable array {name!r}", where=path, fix="check the name after #") from error
    if not isinstance(loaded, np.ndarray) or loaded.ndim < 1:
        raise InputError(f"array {name!r} is a single number", where=path)
    return loaded
