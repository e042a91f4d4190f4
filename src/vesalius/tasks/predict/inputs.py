"""Inputs of a prediction: scans of files and folders, or cases of a manifest, each with a name for its output."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from vesalius.cohort.builders.files import stem
from vesalius.cohort.builders.series import is_series_table, read_series
from vesalius.cohort.case import IMAGE, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.ends import Ends, ends_beside, ends_of_case
from vesalius.cohort.manifest import is_manifest, read_manifest
from vesalius.cohort.read import open_image
from vesalius.errors import UsageError, VesaliusError
from vesalius.scan.found import Found
from vesalius.scan.open import find_scans
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.scan.scan import Scan

LABEL_MAPS = ("_mask", "_gt", "_seg", "_label")
"""Ends of the names of label maps, before the suffix."""


@dataclass(frozen=True)
class Input:
    """One study.

    Args:
        names: for its output, valid file names without a suffix: first the preferred one (several studies may prefer
            the same), then others that an earlier run may have used.
        where: the path it came from, for messages.
        source: the same relative to what was given, for reports: no path of this machine.
        open: the images by name.
        folders: above it, the nearest last.
        ends: frames of end-diastole and end-systole, where a manifest or an Info.cfg states them.
        is_label_map: it lies in a folder beside the scan that it belongs to: S1_mask.nii.gz beside S1.nii.gz.
    """

    names: tuple[str, ...]
    where: str
    source: str
    open: Callable[[], Mapping[str, Scan]]
    folders: tuple[str, ...] = ()
    ends: Callable[[], Ends | None] = lambda: None
    is_label_map: bool = False


def find_inputs(
    paths: Sequence[Path], images: Sequence[str], reading: Reading = AS_STATED
) -> tuple[list[Input], list[dict[str, str]]]:
    """Return all studies below some paths, and the paths that hold none.

    Studies of one name are named after the folders above them too, as many as make the names unique.

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
            if not is_manifest(path):
                here, lost = _of_path(path, images, reading)
                found.extend(here)
                failed.extend(lost)
                continue
            if is_series_table(path):
                cohort, bad, lines = read_series(path)
                places = [f"line {number}" for number in lines]
            else:
                cohort, bad = read_manifest(path), []
                places = [f"case {number}" for number in range(1, len(cohort) + 1)]
            found.extend(_of_cohort(path, cohort.read_by(reading), images, places))
            failed += [failure(f"{path} {row.id}", f"{_shown(path)} {row.id}", row.reason, row.reason) for row in bad]
        except UsageError:
            raise
        except VesaliusError as error:
            failed.append(failure(path, _shown(path), error, error.reason))
    return _apart(found), failed


def failure(path: object, source: str, error: object, reason: str) -> dict[str, str]:
    """What could not be predicted: its path, the same for reports, the error with its path, and the reason alone."""
    return {"path": str(path), "source": source, "error": str(error), "reason": reason}


def _of_cohort(path: Path, cohort: Cohort, images: Sequence[str], places: Sequence[str]) -> list[Input]:
    """Return the cases, each with its place in the file."""
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
    """Return the images that the case has; whether one may be missing, the model says."""
    held = [name for name in images if name in case.images] or images
    return {name: open_image(cohort, case, name) for name in held}


def _of_path(path: Path, images: Sequence[str], reading: Reading) -> tuple[list[Input], list[dict[str, str]]]:
    """Return the scans at a path, and what cannot be read there."""
    if tuple(images) != (IMAGE,):
        what = f"the model takes {', '.join(images)} of each study"
        raise UsageError(what, where=path, fix="name them in a manifest, see vesalius cohort build")
    listed = find_scans(path, reading)
    found = [scan for scan in listed if scan.refusal is None]
    lost = [
        failure(scan.path, _below_path(path, scan), scan.refusal, scan.refusal.what)
        for scan in listed
        if scan.refusal is not None
    ]
    shared = Counter(scan.path for scan in found)
    stems = {scan.path.parent / stem(scan.path) for scan in found}
    inputs = [
        Input(
            (_plain(scan.name),),
            str(scan.path),
            _below_path(path, scan) + (f"#{scan.name}" if shared[scan.path] > 1 else ""),
            partial(_of_found, scan),
            _folders(scan),
            partial(ends_beside, scan.path),
            _is_label_map(scan.path, stems),
        )
        for scan in found
    ]
    return inputs, lost


def _is_label_map(path: Path, stems: Collection[Path]) -> bool:
    """Whether a file is named after one of the scans beside it."""
    name = stem(path)
    return any(name.endswith(end) and path.parent / name.removesuffix(end) in stems for end in LABEL_MAPS)


def _below_path(path: Path, found: Found) -> str:
    return (PurePosixPath(_shown(path)) / found.path.relative_to(path).as_posix()).as_posix()


def _of_found(found: Found) -> dict[str, Scan]:
    return {IMAGE: found.open()}


def _folders(found: Found) -> tuple[str, ...]:
    """Names of the folders above a scan; a stack of pictures has the name of its folder."""
    is_inside = found.path.is_dir() and found.path.name != found.name
    parts = (found.path if is_inside else found.path.parent).parts
    return tuple(part for part in parts if part not in (found.path.anchor, ".."))


def _shown(path: Path) -> str:
    """The path as given; of an absolute path only the end."""
    if not path.is_absolute():
        return path.as_posix()
    return path.name if path.is_dir() else PurePosixPath(path.parent.name, path.name).as_posix()


def _apart(found: Sequence[Input]) -> list[Input]:
    """Make names unique by prefixing parent folders."""
    depths = [0] * len(found)
    while True:
        names = [_below(study, depth) for study, depth in zip(found, depths, strict=True)]
        counts = Counter(name for name, _ in {(name, study.where) for name, study in zip(names, found, strict=True)})
        deeper = [n for n, study in enumerate(found) if counts[names[n]] > 1 and depths[n] < len(study.folders)]
        if not deeper:
            break
        for n in deeper:
            depths[n] += 1
    others = [[_below(study, depth) for depth in range(len(study.folders) + 1)] for study in found]
    return [
        replace(study, names=tuple(dict.fromkeys((name, *other))))
        for study, name, other in zip(found, names, others, strict=True)
    ]


def _below(study: Input, depth: int) -> str:
    """The name with those of some folders above it as a prefix."""
    return "-".join((*map(_plain, study.folders[len(study.folders) - depth :]), study.names[0]))


def _plain(name: str) -> str:
    """A file-name-safe version of `name`."""
    plain = "".join(letter if letter.isalpha() or letter.isdecimal() or letter in "-_." else "_" for letter in name)
    return plain.lstrip("-.") or "scan"
