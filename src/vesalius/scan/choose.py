"""Which of several scans at one place: by series, by orientation, and the line that says which choice works."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from vesalius.errors import UsageError, VesaliusError
from vesalius.wording import some

if TYPE_CHECKING:
    from vesalius.scan.found import Found
    from vesalius.scan.reading import Orientation, Reading
    from vesalius.scan.scan import Scan


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
