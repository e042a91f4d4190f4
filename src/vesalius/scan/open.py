"""From a path to scans: what is in this file or folder, and opening it.

`find_scans` lists without decoding pixels; `open_scan` insists on exactly one.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vesalius.errors import InputError, UsageError
from vesalius.scan.choose import choose, some, ways
from vesalius.scan.reading import AS_STATED, Orientation, Reading

if TYPE_CHECKING:  # a list of formats needs no NumPy
    from vesalius.scan.scan import Scan

_READERS = {
    ".nii": "nifti",
    ".nii.gz": "nifti",
    ".hdr": "nifti",
    ".img": "nifti",
    ".hdr.gz": "nifti",
    ".img.gz": "nifti",
    ".nrrd": "nrrd",
    ".nhdr": "nrrd",
    ".mha": "metaimage",
    ".mhd": "metaimage",
    ".npy": "numpy_file",
    ".npz": "numpy_file",
    ".png": "raster",
    ".jpg": "raster",
    ".jpeg": "raster",
    ".tif": "raster",
    ".tiff": "raster",
}
"""suffix -> module in vesalius.scan with `read(path, reading) -> Scan`. What has none of these may be DICOM."""


FORMATS = frozenset({"dicom"} | {_name.lstrip(".") for _name in _READERS})
"""Words for what can be read."""


@dataclass(frozen=True)
class Found:
    """One scan found on disk, not yet opened.

    Args:
        path: the file, or the folder of a series or stack.
        format: "nifti", "dicom", ...
        open: reads the header and returns the Scan.
        series_uid: DICOM SeriesInstanceUID, else None.
        name: a file name stem for results, unique among the scans of one folder, without identifiers of the patient.
        plane: of a DICOM stack the plane nearest to its slices, else None.
    """

    path: Path
    format: str
    open: Callable[[], Scan]
    series_uid: str | None = None
    name: str = ""
    plane: Orientation | None = None


def open_scan(path: str | Path, reading: Reading = AS_STATED) -> Scan:
    """Open the one scan at `path`.

    Args:
        path: a NIfTI, DICOM, NRRD, MetaImage, NumPy or picture file, a folder with one DICOM series or one numbered
            stack of pictures.
        reading: choices where the files leave some open, e.g. one of several series.

    Raises:
        InputError: nothing readable there.
        UsageError: several scans; the message lists their series.
    """
    found = find_scans(path, reading)
    if len(found) > 1:
        shown = some([one.series_uid or one.path.name for one in found])
        raise UsageError(f"holds {len(found)} scans ({shown})", where=path, fix=ways(found))
    return found[0].open()


def find_scans(path: str | Path, reading: Reading = AS_STATED) -> list[Found]:
    """All scans at `path`: a file, or a folder searched through all its subfolders, in a stable order.

    Raises:
        InputError: no such path, or no scan in it.
    """
    path = Path(path)
    if not path.exists():
        raise InputError("no such file or folder", where=path)
    found = choose(list(_find(path, reading)), reading)
    if not found:
        what = "no readable scan here"
        raise InputError(
            what, where=path, fix="vesalius reads NIfTI, DICOM, NRRD, MetaImage, NumPy, PNG, JPEG and TIFF"
        )
    return found


def suffix(path: Path) -> str:
    """The suffix that decides about the format, lower case, ".nii.gz" in one piece."""
    name = path.name.lower()
    double = "".join(Path(name).suffixes[-2:])
    return double if double in _READERS else Path(name).suffix


def _find(path: Path, reading: Reading) -> Iterator[Found]:
    if path.is_file():
        files = [path]
    elif not path.is_dir():
        raise InputError("is neither a file nor a folder", where=path)
    else:
        from vesalius.scan.raster import find_stack

        stack = find_stack(path)
        if stack is not None:
            yield stack
            return
        files = sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
    others = []
    for file in files:
        module = None if _is_dicom_image(file) else _READERS.get(suffix(file))
        if module is None:
            others.append(file)
        elif not _is_second_of_pair(file):
            yield Found(
                file, _format(module), _opener(module, file, reading), name=file.name.removesuffix(suffix(file))
            )
    if others:
        from vesalius.scan.dicom_series import find_series

        yield from find_series(others, reading)


def _is_second_of_pair(path: Path) -> bool:
    """True for the .hdr of a NIfTI or Analyze pair: the .img stands for both."""
    return suffix(path).startswith(".hdr") and path.with_name(path.name.replace(".hdr", ".img")).exists()


def _is_dicom_image(path: Path) -> bool:
    """True for an .img that is DICOM and not half of a NIfTI or Analyze pair: both kinds use that suffix."""
    if suffix(path) != ".img":
        return False
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False  # the reader tells


def _format(module: str) -> str:
    return {"numpy_file": "numpy"}.get(module, module)


def _opener(module: str, path: Path, reading: Reading) -> Callable[[], Scan]:
    def open_it() -> Scan:
        scan: Scan = importlib.import_module(f"vesalius.scan.{module}").read(path, reading)
        return scan

    return open_it
