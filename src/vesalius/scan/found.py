"""One scan found on disk, or one file that ought to be read and cannot be."""

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
    refusal = error.at(path)
    return Found(path, format, partial(_refuse, refusal), name=path.stem, refusal=refusal)


def closed_folder(path: Path, error: OSError) -> Found:
    """A folder that cannot be listed."""
    what = f"cannot be listed ({error.strerror or type(error).__name__})"
    return refused(path, InputError(what, where=path, fix="get permission to read it"), "folder")


def choose(found: Sequence[Found], reading: Reading) -> list[Found]:
    """The scans that the user wants.

    Raises:
        UsageError: no such series; the line names those that are there.
    """
    series = reading.series
    if series is not None:
        exact = [one for one in found if one.series_uid == series]
        wanted = exact or [one for one in found if (one.series_uid or "").endswith(series)]
        if not wanted and found:
            known = [one.series_uid for one in found if one.series_uid]
            fix = f"there are {some(known)}" if known else "leave it out: only DICOM files state a series"
            raise UsageError(f"no series that ends in {series}", where="--series", fix=fix)
        found = wanted
    return list(found) if reading.orientation is None else _of_plane(found, reading.orientation)


def ways(found: Sequence[Found]) -> str:
    """What picks one of several scans, for the line that refuses them."""
    planes = Counter(one.plane for one in found)
    single = [plane for plane in planes if plane is not None and len(_of_plane(found, plane)) == 1]
    options = ["--series UID"] if any(one.series_uid for one in found) else []
    if single and len({_series(one) for one in found}) == 1:
        options.append(f"--orientation {'|'.join(single)}")
    fixes = ["name one file"] if len({one.path for one in found if one.path.is_file()}) > 1 else []
    fixes += [f"pass {' or '.join(options)}"] if options else []
    return " or ".join(fixes) or "name one of them"


def _of_plane(found: Sequence[Found], plane: Orientation) -> list[Found]:
    """Of each series that holds several orientations the pictures of one; other series are kept whole."""
    planes: dict[str, set[str]] = {}
    for one in found:
        planes.setdefault(_series(one), set()).update([one.plane] if one.plane else [])
    kept = []
    for one in found:
        there = planes[_series(one)]
        if len(there) < 2 or one.plane == plane:
            kept.append(one)
        elif plane not in there:
            error = UsageError(
                f"no {plane} pictures in this series", where=one.path, fix=f"it holds {some(sorted(there)) or 'none'}"
            )
            kept.append(replace(one, open=partial(_refuse, error), plane=plane))
            planes[_series(one)].add(plane)  # refused once
    return kept


def _series(found: Found) -> str:
    return found.series_uid.split("#")[0] if found.series_uid else str(found.path)


def _refuse(error: VesaliusError) -> Scan:
    raise error
