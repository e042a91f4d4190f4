"""Scans found on disk, files that should be readable and are not, and the choice among several scans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vesalius.errors import InputError, UsageError, VesaliusError
from vesalius.scan.reading import Orientation, Reading
from vesalius.wording import some

if TYPE_CHECKING:  # listing needs no NumPy
    from vesalius.scan.scan import Scan


@dataclass(frozen=True)
class Found:
    """One scan found on disk, not yet opened.

    Args:
        path: the file, or the folder of a series or stack.
        format: "nifti", "dicom", ...
        open: function that reads the header and returns the Scan.
        series_uid: DICOM SeriesInstanceUID, else None.
        name: file name stem for results, unique among the scans of one folder, without identifiers of the patient.
        plane: plane nearest to the slices of a DICOM stack, else None.
        refusal: reason why it cannot be read, where that is already known; `open` raises it.
    """

    path: Path
    format: str
    open: Callable[[], Scan]
    series_uid: str | None = None
    name: str = ""
    plane: Orientation | None = None
    refusal: InputError | None = None


def refused(path: Path, error: InputError, format: str = "dicom") -> Found:
    """Return the entry of a file or folder that should be readable and is not."""
    refusal = error.at(path)
    return Found(path, format, partial(_refuse, refusal), name=path.stem, refusal=refusal)


def closed_folder(path: Path, error: OSError) -> Found:
    """Return the entry of a folder that cannot be listed."""
    what = f"cannot be listed ({error.strerror or type(error).__name__})"
    return refused(path, InputError(what, where=path, fix="get permission to read it"), "folder")


def choose(found: Sequence[Found], reading: Reading) -> list[Found]:
    """Return the scans that the user wants.

    Raises:
        UsageError: no such series; the message lists the existing ones.
    """
    series = reading.series
    if series is not None:
        exact = [scan for scan in found if scan.series_uid == series]
        wanted = exact or [scan for scan in found if (scan.series_uid or "").endswith(series)]
        if not wanted and found:
            known = [scan.series_uid for scan in found if scan.series_uid]
            fix = f"choose from {some(known)}" if known else "leave it out: only DICOM files state a series"
            raise UsageError(f"no series that ends in {series}", where="--series", fix=fix)
        found = wanted
    return list(found) if reading.orientation is None else _of_plane(found, reading.orientation)


def ways(found: Sequence[Found]) -> str:
    """Return the options that would pick a single scan, for the error that several were found."""
    planes = Counter(scan.plane for scan in found)
    single = [plane for plane in planes if plane is not None and len(_of_plane(found, plane)) == 1]
    options = ["--series UID"] if any(scan.series_uid for scan in found) else []
    if single and len({_series(scan) for scan in found}) == 1:
        options.append(f"--orientation {'|'.join(single)}")
    fixes = ["name one file"] if len({scan.path for scan in found if scan.path.is_file()}) > 1 else []
    fixes += [f"pass {' or '.join(options)}"] if options else []
    return " or ".join(fixes) or "name one of them"


def _of_plane(found: Sequence[Found], plane: Orientation) -> list[Found]:
    """Keep one orientation of each series that holds several; other series stay whole."""
    planes: dict[str, set[str]] = {}
    for scan in found:
        planes.setdefault(_series(scan), set()).update([scan.plane] if scan.plane else [])
    kept = []
    for scan in found:
        present = planes[_series(scan)]
        if len(present) < 2 or scan.plane == plane:
            kept.append(scan)
        elif plane not in present:
            error = UsageError(
                f"no {plane} pictures in this series",
                where=scan.path,
                fix=f"it holds {some(sorted(present)) or 'none'}",
            )
            kept.append(replace(scan, open=partial(_refuse, error), plane=plane))
            planes[_series(scan)].add(plane)  # refused once
    return kept


def _series(found: Found) -> str:
    return found.series_uid.split("#")[0] if found.series_uid else str(found.path)


def _refuse(error: VesaliusError) -> Scan:
    raise error
