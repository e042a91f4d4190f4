"""What is to be predicted: scans of files and folders, or the cases of a manifest, each with a name for its output."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from vesalius.cohort.builders.series import is_series_table, read_series_lines
from vesalius.cohort.case import IMAGE, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.ends import Ends, ends_beside, ends_of_case
from vesalius.cohort.manifest import read_manifest
from vesalius.cohort.read import open_image
from vesalius.errors import UsageError, VesaliusError
from vesalius.scan.found import Found
from vesalius.scan.open import find_scans
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.scan.scan import Scan

_MANIFESTS = (".jsonl", ".csv")


@dataclass(frozen=True)
class Input:
    """One study.

    Args:
        names: for its output, whole file names on every system, without a suffix: first the one that is wanted
            (several may want the same), then others that it may have been called by in an earlier run.
        where: the path it came from, for messages.
        source: the same seen from what was given, for what is written: no path of this machine.
        open: the images by name.
        folders: above it, the nearest last.
        ends: frames of end-diastole and end-systole, where a manifest or an Info.cfg states them.
    """

    names: tuple[str, ...]
    where: str
    source: str
    open: Callable[[], Mapping[str, Scan]]
    folders: tuple[str, ...] = ()
    ends: Callable[[], Ends | None] = lambda: None


def find_inputs(
    paths: Sequence[Path], images: Sequence[str], reading: Reading = AS_STATED
) -> tuple[list[Input], list[dict[str, str]]]:
    """All studies below some paths, and the paths at which there is none.

    Those of one name are named after the folders above them, too, as many as tell them apart.

    Args:
        paths: files, folders, tables with nifti_path, and manifests, which alone can name several images of a study.
        images: that the model takes.
        reading: choices where the files, and a manifest that names them, leave some open.

    Returns:
        The studies, and {"path", "source", "error", "reason"} of each path.

    Raises:
        UsageError: the model takes several images and a path is no manifest.
    """
    found: list[Input] = []
    failed: list[dict[str, str]] = []
    for path in paths:
        try:
            if path.suffix.lower() not in _MANIFESTS:
                here, lost = _of_path(path, images, reading)
                found.extend(here)
                failed.extend(lost)
                continue
            if is_series_table(path):
                cohort, bad, lines = read_series_lines(path)
                places = [f"line {number}" for number in lines]
            else:
                cohort, bad = read_manifest(path), []
                places = [f"case {number}" for number in range(1, len(cohort) + 1)]
            found.extend(_of_cohort(path, cohort.read_by(reading), images, places))
            for one in bad:
                told = {"error": one.reason, "reason": one.reason}
                failed.append({"path": f"{path} {one.id}", "source": f"{_shown(path)} {one.id}", **told})
        except UsageError:
            raise
        except VesaliusError as error:
            failed.append({"path": str(path), "source": _shown(path), "error": str(error), "reason": error.reason})
    return _apart(found), failed


def _of_cohort(path: Path, cohort: Cohort, images: Sequence[str], places: Sequence[str]) -> list[Input]:
    """The cases, each with its place in the file."""
    return [
        Input(
            (_plain(case.id),),
            f"{path} {place}",
            f"{_shown(path)} {place}",
            partial(_of_case, cohort, case, images),
            ends=partial(ends_of_case, case),
        )
        for case, place in zip(cohort, places, strict=True)
    ]


def _of_case(cohort: Cohort, case: Case, images: Sequence[str]) -> dict[str, Scan]:
    return {name: open_image(cohort, case, name) for name in images}


def _of_path(path: Path, images: Sequence[str], reading: Reading) -> tuple[list[Input], list[dict[str, str]]]:
    """The scans at a path, and what cannot be read there."""
    if tuple(images) != (IMAGE,):
        what = f"the model takes {', '.join(images)} of each study"
        raise UsageError(what, where=path, fix="name them in a manifest, see vesalius cohort build")
    listed = find_scans(path, reading)
    found = [one for one in listed if one.refusal is None]
    lost = [
        {"path": str(one.path), "source": _below_path(path, one), "error": str(one.refusal), "reason": one.refusal.what}
        for one in listed
        if one.refusal is not None
    ]
    shared = Counter(one.path for one in found)
    inputs = [
        Input(
            (_plain(one.name),),
            str(one.path),
            _below_path(path, one) + (f"#{one.name}" if shared[one.path] > 1 else ""),
            partial(_of_found, one),
            _folders(one),
            partial(ends_beside, one.path),
        )
        for one in found
    ]
    return inputs, lost


def _below_path(path: Path, found: Found) -> str:
    return (PurePosixPath(_shown(path)) / found.path.relative_to(path).as_posix()).as_posix()


def _of_found(found: Found) -> dict[str, Scan]:
    return {IMAGE: found.open()}


def _folders(found: Found) -> tuple[str, ...]:
    """Names of the folders above a scan; a stack of pictures is named after its own."""
    is_inside = found.path.is_dir() and found.path.name != found.name
    parts = (found.path if is_inside else found.path.parent).parts
    return tuple(part for part in parts if part not in (found.path.anchor, ".."))


def _shown(path: Path) -> str:
    """What was given, without what only this machine knows: of an absolute path the end."""
    if not path.is_absolute():
        return path.as_posix()
    return path.name if path.is_dir() else PurePosixPath(path.parent.name, path.name).as_posix()


def _apart(found: Sequence[Input]) -> list[Input]:
    """With names that differ, as far as folders can make them differ."""
    depths = [0] * len(found)
    while True:
        names = [_below(one, depth) for one, depth in zip(found, depths, strict=True)]
        counts = Counter(name for name, _ in {(name, one.where) for name, one in zip(names, found, strict=True)})
        deeper = [n for n, one in enumerate(found) if counts[names[n]] > 1 and depths[n] < len(one.folders)]
        if not deeper:
            break
        for n in deeper:
            depths[n] += 1
    others = [[_below(one, depth) for depth in range(len(one.folders) + 1)] for one in found]
    return [
        replace(one, names=tuple(dict.fromkeys((name, *other))))
        for one, name, other in zip(found, names, others, strict=True)
    ]


def _below(one: Input, depth: int) -> str:
    """The name after that of some folders above."""
    return "-".join((*map(_plain, one.folders[len(one.folders) - depth :]), one.names[0]))


def _plain(name: str) -> str:
    """A name in which a figure may be called after it."""
    plain = "".join(letter if letter.isalpha() or letter.isdecimal() or letter in "-_." else "_" for letter in name)
    return plain.lstrip("-.") or "scan"
