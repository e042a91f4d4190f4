"""Opening the images and masks of a case.

Letters: C channel, T time, I J K voxel axes; N items of an array file.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort, split_item
from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.memory import check_archive
from vesalius.scan.found import Found
from vesalius.scan.label_values import label_map
from vesalius.scan.open import find_scans, open_scan
from vesalius.scan.pixels import ALL, Pixels
from vesalius.scan.reading import Reading
from vesalius.scan.scan import Scan
from vesalius.scan.uid_key import known_uid_key

_RGB = 3


@dataclass(frozen=True, eq=False)
class ChannelPixels:
    """Pixels of shape (1, T, I, J, K) whose T axis holds channels."""

    pixels: Pixels

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """(T as C, 1, I, J, K)."""
        c, t, i, j, k = self.pixels.shape
        return t, c, i, j, k

    @property
    def dtype(self) -> np.dtype[Any]:
        """Stored dtype."""
        return self.pixels.dtype

    @property
    def direct(self) -> bool:
        """Whether reads go directly to the file."""
        return self.pixels.direct

    def read(self, t: slice = ALL, k: slice = ALL) -> NDArray[Any]:
        """Read frames `t` (there is one) and slices `k`, shape (C, t, I, J, k)."""
        return self.pixels.read(ALL, k).swapaxes(0, 1)[:, t]


def open_image(cohort: Cohort, case: Case, name: str) -> Scan:
    """Open the image `name` of a case.

    Raises:
        InputError: no such name, or no readable scan at its path.
        UsageError: several scans at its path.
    """
    scan = _open(cohort, case, case.images, name)
    if case.fourth_axis == "channel" and scan.shape[0] == 1 and scan.shape[1] > 1:
        return replace(
            scan, pixels=ChannelPixels(scan.pixels), frame_ms=None, t_meaning="unknown", colour="channels", native=None
        )
    return scan


def open_mask(cohort: Cohort, case: Case, name: str) -> Scan:
    """Open the mask `name` of a case as a label map. Raises as `open_image` does."""
    return label_map(_open(cohort, case, case.masks, name))


def _open(cohort: Cohort, case: Case, paths: dict[str, str], name: str) -> Scan:
    if name not in paths:
        raise InputError(f"has no {name!r}, only {', '.join(map(repr, paths)) or 'nothing'}", where=f"case {case.id}")
    if split_item(paths[name])[1] is not None:
        return _item(cohort, paths[name])
    path = cohort.path(paths[name])
    if case.series is None or not path.is_dir():
        return open_scan(path, case.how)
    stacks = _of_series(_scans(path, case.reading, _changed_ns(path)), case.series)
    if len({_uid(stack) for stack in stacks}) != 1:
        fix = "build the manifest again; only the user who hashed a UID can find it"
        raise InputError(f"holds {len(stacks)} series that end in {case.series}", where=path, fix=fix)
    scan = stacks[0].open()
    if len(stacks) == 1:
        return scan
    what = f"{len(stacks) - 1} more stack(s) of the series, of other size or kind, are not read"
    return replace(scan, problems=(*scan.problems, what))


def _of_series(found: list[Found], series: str) -> list[Found]:
    """Return the stacks whose series UID ends with `series` or has it as keyed hash; "UID#n" names one stack."""
    exact = [stack for stack in found if (stack.series_uid or "").endswith(series)]
    if "#" in series or len({_uid(stack) for stack in exact}) > 1:
        return exact
    named = [stack for stack in found if _uid(stack).endswith(series)]
    if named or not any(map(_uid, found)):
        return named
    from vesalius.scan.dicom.privacy import remapped_uid

    key = known_uid_key()
    return [] if key is None else [stack for stack in found if remapped_uid(_uid(stack), key) == series]


def _uid(found: Found) -> str:
    """Return the series UID without the number of the stack."""
    return (found.series_uid or "").partition("#")[0]


def array_item(cohort: Cohort, path: str) -> NDArray[Any]:
    """Return the item of a path such as "archive.npz#array/12", as it lies in the array.

    Raises:
        InputError: no such file, array or item.
    """
    file, name, index = split_item(path)
    source = cohort.path(file)
    try:
        stat = source.stat()
        array_N = _array(source, name or "", stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=source) from error
    if index >= len(array_N):
        raise InputError(f"array {name!r} has {len(array_N)} items, none numbered {index}", where=source)
    item: NDArray[Any] = array_N[index]
    return item


def _item(cohort: Cohort, path: str) -> Scan:
    """Open one item of an array: a picture (J, I) or (J, I, RGB), or a volume (I, J, K)."""
    item = array_item(cohort, path)
    if item.ndim == 2:
        return Scan.from_array(item.T[:, :, None])
    if item.ndim == 3 and item.shape[2] == _RGB:
        return Scan.from_array(item.transpose(2, 1, 0)[:, None, :, :, None], colour="rgb")
    if item.ndim == 3:
        return Scan.from_array(item)
    raise InputError(f"an item of shape {item.shape} is neither a picture nor a volume", where=cohort.path(path))


@lru_cache(maxsize=4)
def _scans(folder: Path, reading: Reading, changed_ns: int) -> list[Found]:  # noqa: ARG001
    """Find the scans of a folder, once although many cases may share it."""
    return find_scans(folder, reading)


def _changed_ns(folder: Path) -> int:
    try:
        times = [folder.stat().st_mtime_ns]
        for path in folder.iterdir():
            with suppress(FileNotFoundError):  # a dangling link
                times.append(path.stat().st_mtime_ns)
    except OSError as error:
        raise InputError(f"cannot be listed ({error.strerror or type(error).__name__})", where=folder) from error
    return max(times)


@lru_cache(maxsize=4)
def _array(path: Path, name: str, changed_ns: int, size: int) -> NDArray[Any]:  # noqa: ARG001
    """Return an array of a file, kept while the file is unchanged (`changed_ns`, `size`)."""
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
