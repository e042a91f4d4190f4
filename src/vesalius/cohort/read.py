"""Opening the images and masks of a case.

Letters: C channel, T time, I J K voxel axes.
"""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.arguments import checked
from vesalius.cohort.arrays import array_item
from vesalius.cohort.case import IMAGE, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.content import stamp_of
from vesalius.cohort.item import ArrayItem, TarMember, split_item
from vesalius.cohort.tar import read_member, unpacked
from vesalius.errors import InputError
from vesalius.scan.found import Found
from vesalius.scan.label_values import label_map
from vesalius.scan.open import find_scans, open_scan
from vesalius.scan.pixels import ALL, ArrayPixels, Pixels
from vesalius.scan.reading import Reading
from vesalius.scan.region import Region, crop
from vesalius.scan.scan import Scan
from vesalius.scan.slides.slide import read_tile
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


@checked
def open_image(cohort: Cohort, case: Case, name: str = IMAGE) -> Scan:
    """Open the image `name` of a case.

    Raises:
        InputError: no such name, or no readable scan at its path.
        UsageError: several scans at its path.
    """
    path, region = _split(case, case.images, name)
    scan = _open(cohort, case, path) if region is None else _region(cohort, case, path, region)
    if case.fourth_axis == "channel" and scan.shape[0] == 1 and scan.shape[1] > 1:
        return replace(
            scan, pixels=ChannelPixels(scan.pixels), frame_ms=None, t_meaning="unknown", colour="channels", native=None
        )
    return scan


@checked
def open_mask(cohort: Cohort, case: Case, name: str) -> Scan:
    """Open the mask `name` of a case as a label map. Raises as `open_image` does."""
    path, region = _split(case, case.masks, name)
    scan = _open(cohort, case, path, labels=True)
    if region is None:
        return scan
    if region.size is not None:
        fix = f"write {replace(region, size=None).text}"
        raise InputError("a mask is never resampled", where=cohort.path(path), fix=fix)
    return crop(scan, region, cohort.path(path))


def _region(cohort: Cohort, case: Case, written: str, region: Region) -> Scan:
    path = cohort.path(written)
    if region.size is not None:
        return read_tile(path, region)
    scan = _open(cohort, case, written) if path.is_dir() else _whole(path, case.how, stamp_of(path))
    return crop(scan, region, path)


def _split(case: Case, paths: dict[str, str], name: str) -> tuple[str, Region | None]:
    """Return the path of an image or mask without its region, and the region."""
    if name not in paths:
        raise InputError(f"has no {name!r}, only {', '.join(map(repr, paths)) or 'nothing'}", where=f"case {case.id}")
    file, item = split_item(paths[name])
    return (file, item) if isinstance(item, Region) else (paths[name], None)


def _open(cohort: Cohort, case: Case, written: str, *, labels: bool = False) -> Scan:
    """Open an image, or a mask as its `labels`."""
    item = split_item(written)[1]
    path = cohort.path(written)
    if isinstance(item, TarMember):
        return _member(path, item, case.reading, labels=labels)
    scan = _item(array_item(path, item), path) if isinstance(item, ArrayItem) else _whole_file(case, path)
    return label_map(scan) if labels else scan


def _member(path: Path, member: TarMember, reading: Reading, *, labels: bool) -> Scan:
    """Open a member of a tar file, its pixels in memory; arrays (.npy) as items of an array."""
    if member.name.lower().endswith(".npy"):
        return _item(_array(path, member), path)
    with unpacked(path, member) as place:
        scan = open_scan(place, reading)
        scan = label_map(scan) if labels else scan
        return replace(scan, pixels=ArrayPixels(np.array(scan.stored())), native=None)


def _array(path: Path, member: TarMember) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(io.BytesIO(read_member(path, member.name)), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise InputError("is no readable array", where=f"{path}#{member.text}") from error
    return array


def _whole_file(case: Case, path: Path) -> Scan:
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


def _item(array: NDArray[Any], path: Path) -> Scan:
    """Return one item of an array as a scan: a picture (J, I) or (J, I, RGB), or a volume (I, J, K)."""
    if array.ndim == 2:
        return Scan.from_array(array.T[:, :, None])
    if array.ndim == 3 and array.shape[2] == _RGB:
        return Scan.from_array(array.transpose(2, 1, 0)[:, None, :, :, None], colour="rgb")
    if array.ndim == 3:
        return Scan.from_array(array)
    raise InputError(f"an item of shape {array.shape} is neither a picture nor a volume", where=path)


@lru_cache(maxsize=2)
def _whole(path: Path, reading: Reading, stamp: str) -> Scan:  # noqa: ARG001
    """Open a scan of which regions are read, decoded once although many cases lie on it."""
    return open_scan(path, reading).resident()


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
