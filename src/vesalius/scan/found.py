"""One scan found on disk, or one file that ought to be read and cannot be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vesalius.errors import InputError
from vesalius.scan.reading import Orientation

if TYPE_CHECKING:  # listing needs no NumPy
    from vesalius.scan.scan import Scan


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
        refusal: why it cannot be read, where that is known already; `open` raises it.
    """

    path: Path
    format: str
    open: Callable[[], Scan]
    series_uid: str | None = None
    name: str = ""
    plane: Orientation | None = None
    refusal: InputError | None = None


def refused(path: Path, error: InputError, format: str = "dicom") -> Found:
    """A file or folder that ought to be read and cannot be."""
    where = error if error.where is not None else InputError(error.what, where=path, fix=error.fix)
    return Found(path, format, partial(_refuse, where), name=path.stem, refusal=where)


def closed_folder(path: Path, error: OSError) -> Found:
    """A folder that cannot be listed."""
    what = f"cannot be listed ({error.strerror or type(error).__name__})"
    return refused(path, InputError(what, where=path, fix="get permission to read it"), "folder")


def _refuse(error: InputError) -> Scan:
    raise error
