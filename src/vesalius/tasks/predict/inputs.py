"""What is to be predicted: scans of files and folders, or the cases of a manifest, each with a name for its output."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from vesalius.cohort.builders.rsna_ich import is_series_table, read_series
from vesalius.cohort.case import IMAGE, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import read_manifest
from vesalius.cohort.read import open_image
from vesalius.errors import UsageError, VesaliusError
from vesalius.scan.open import Found, find_scans
from vesalius.scan.scan import Scan

_MANIFESTS = (".jsonl", ".csv")


@dataclass(frozen=True)
class Input:
    """One study.

    Args:
        name: wanted for its output, a whole file name on every system, without a suffix; several may want the same.
        where: the path it came from, for messages.
        open: the images by name.
    """

    name: str
    where: str
    open: Callable[[], Mapping[str, Scan]]


def find_inputs(paths: Sequence[Path], images: Sequence[str]) -> tuple[list[Input], list[dict[str, str]]]:
    """All studies below some paths, and the paths at which there is none ({"path", "error", "reason"}).

    Args:
        paths: files, folders, tables with nifti_path, and manifests, which alone can name several images of a study.
        images: that the model takes.

    Raises:
        UsageError: the model takes several images and a path is no manifest.
    """
    found: list[Input] = []
    failed: list[dict[str, str]] = []
    for path in paths:
        try:
            if path.suffix.lower() not in _MANIFESTS:
                found.extend(_of_path(path, images))
                continue
            cohort, bad = read_series(path) if is_series_table(path) else (read_manifest(path), [])
            found.extend(_of_cohort(cohort, images))
            failed += [{"path": f"{path} {one.id}", "error": one.reason, "reason": one.reason} for one in bad]
        except UsageError:
            raise
        except VesaliusError as error:
            failed.append({"path": str(path), "error": str(error), "reason": error.what})
    return [replace(one, name=_plain(one.name)) for one in found], failed


def _of_cohort(cohort: Cohort, images: Sequence[str]) -> list[Input]:
    return [Input(case.id, f"case {case.id}", partial(_of_case, cohort, case, tuple(images))) for case in cohort]


def _of_case(cohort: Cohort, case: Case, images: Sequence[str]) -> dict[str, Scan]:
    return {name: open_image(cohort, case, name) for name in images}


def _of_path(path: Path, images: Sequence[str]) -> list[Input]:
    if tuple(images) != (IMAGE,):
        what = f"the model takes {', '.join(images)} of each study"
        raise UsageError(what, where=path, fix="name them in a manifest, see vesalius cohort build")
    return [Input(one.name, str(one.path), partial(_of_found, one)) for one in find_scans(path)]


def _of_found(found: Found) -> dict[str, Scan]:
    return {IMAGE: found.open()}


def _plain(name: str) -> str:
    """A name in which a figure may be called after it."""
    plain = "".join(letter if letter.isalpha() or letter.isdecimal() or letter in "-_." else "_" for letter in name)
    return plain.lstrip("-.") or "scan"
