"""The studies of an evaluation: scans from files, folders, known cohort layouts and manifests, with masks and patients.

A cohort layout or a manifest says which masks belong to which frame and which studies are of one patient. In any
other folder every scan is a study; only DICOM headers name the patient there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.build import AUTO, build_cohort
from vesalius.cohort.builders.dicom import identity, read_instances
from vesalius.cohort.builders.files import OtherLayoutError, stem
from vesalius.cohort.case import IMAGE, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.ends import ED, ES, Ends, ends_of_case
from vesalius.cohort.item import split_item
from vesalius.cohort.manifest import is_manifest, read_manifest
from vesalius.cohort.read import open_image
from vesalius.errors import InputError, UsageError
from vesalius.files import regular, walk
from vesalius.metrics.codec import Box, heart_region
from vesalius.metrics.drawn import Owner
from vesalius.scan.found import closed_folder
from vesalius.scan.label_values import NotLabelsError, label_map, read_labels
from vesalius.scan.open import find_scans, open_scan
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.scan.scan import Scan

_CINE = "_4d"
_LABELS = np.iinfo(np.int16)


@dataclass(frozen=True)
class Study:
    """One scan to evaluate.

    Args:
        data_set: name of the data set.
        name: name within the data set, unique there.
        path: file or folder.
        open: reads the header and returns the scan.
        source_bytes: size of the file, or of all files of the folder.
        patient: patient id, None where unknown; never written anywhere.
        masks: label files of the heart.
        masks_by_frame: those whose frame (from 0) is known.
        ends: frames of end-diastole and end-systole where both are stated; T is then the cardiac cycle, whatever the
            file says.
        reading: how it is opened.
    """

    data_set: str
    name: str
    path: Path
    open: Callable[[], Scan]
    source_bytes: int
    patient: str | None = None
    masks: tuple[Path, ...] = ()
    masks_by_frame: Mapping[int, Path] = field(default_factory=dict)
    ends: Ends | None = None
    reading: Reading = AS_STATED

    @property
    def owner(self) -> Owner:
        """What a bootstrap draws: the patient, or the study where the patient is unknown."""
        return (self.name, False) if self.patient is None else (self.patient, True)

    def scan(self) -> Scan:
        """The opened scan; T is time where ED and ES are stated."""
        scan = self.open()
        if self.ends is not None and scan.t_meaning == "unknown" and scan.shape[1] > 1:
            return replace(scan, t_meaning="time")
        return scan


def find_studies(paths: Sequence[Path], reading: Reading = AS_STATED) -> list[Study]:
    """The studies at these paths, in a stable order.

    Args:
        paths: manifests, folders in a layout that `cohort build` knows, other folders and files.
        reading: choices where the files leave some open.

    Raises:
        InputError: nothing readable at a path, a bad manifest, or a cohort folder with a mistake in it.
        UsageError: no path.
    """
    if not paths:
        raise UsageError("no scan was named", fix="name folders or files")
    return _with_unique_names([study for path in paths for study in _find(path, reading)])


def heart_box(study: Study, scan: Scan) -> tuple[Box | None, str]:
    """The heart region of a study, or None and the reason.

    Raises:
        InputError: a mask cannot be read.
    """
    if not study.masks:
        return None, ""
    if scan.spacing_mm is None:
        return None, f"no heart region: {scan.grid_problem}"
    volumes = [read_mask(path) for path in study.masks]
    if any(volume.shape != scan.shape[2:] for volume in volumes):
        return None, "no heart region: the masks lie on another grid"
    box = heart_region(volumes, scan.spacing_mm)
    return box, "" if box else "no heart region: the masks are empty"


def read_mask(path: Path) -> NDArray[np.int64]:
    """Labels of a reference mask, (I, J, K); InputError where it cannot be read or holds no labels."""
    try:
        return read_labels(label_map(open_scan(path)), _LABELS.min, _LABELS.max)[0, 0]
    except NotLabelsError as error:
        raise InputError(f"one of the masks {error}") from error


def _find(path: Path, reading: Reading) -> Iterator[Study]:
    if not regular(path).exists():
        raise InputError("no such file or folder", where=path)
    if is_manifest(path):
        yield from _of_cohort(read_manifest(path).read_by(reading), path.stem)
    elif path.is_dir():
        yield from _of_folder(path, reading)
    elif stem(path).endswith(_CINE):
        cohort = build_cohort("acdc", path.parent).read_by(reading)
        yield from _of_cohort(cohort.where(lambda case: cohort.path(case.images[IMAGE]) == path))
    else:
        yield from _of_scans(path, reading)


def _of_folder(path: Path, reading: Reading) -> Iterator[Study]:
    """Cases of a known layout, else every scan; folders that cannot be listed are studies that fail."""
    closed = walk(path)[1]
    listable = [path]
    if closed:
        listable = sorted(child for child in path.iterdir() if child.is_dir() and child not in dict(closed))
    cohorts = [cohort for folder in listable if (cohort := _cohort(folder)) is not None]
    if not cohorts:
        yield from _of_scans(path, reading)
        return
    for cohort in cohorts:
        yield from _of_cohort(cohort.read_by(reading))
    for place, error in closed:
        lost = closed_folder(place, error)
        yield Study(_folder_name(path), lost.name, place, lost.open, 0)


def _cohort(folder: Path) -> Cohort | None:
    """The folder as a cohort; None where no layout says more than the files (DICOM series say it themselves)."""
    try:
        cohort = build_cohort(AUTO, folder)
    except OtherLayoutError:
        return None
    is_known = any(case.patient for case in cohort) and not any(case.series for case in cohort)
    return cohort if is_known else None


def _of_cohort(cohort: Cohort, data_set: str | None = None) -> Iterator[Study]:
    for case in cohort:
        ends = ends_of_case(case)
        if ends is not None and data_set is None:
            ends = replace(ends, stated_by="Info.cfg")
        masks = {name: cohort.path(case.masks[name]) for name in _heart_masks(case)}
        for image, place in case.images.items():
            path = cohort.path(place)
            yield Study(
                data_set=data_set or _data_set(cohort, case, path),
                name=case.id if len(case.images) == 1 else f"{case.id}-{image}",
                path=path,
                open=partial(open_image, cohort, case, image),
                source_bytes=_size(path),
                patient=case.patient,
                masks=tuple(sorted(masks.values())),
                masks_by_frame={case.frames[name]: mask for name, mask in masks.items() if name in case.frames},
                ends=ends,
                reading=case.how,
            )


def _heart_masks(case: Case) -> list[str]:
    """Masks of ED and ES; masks of every labelled frame where neither is stated."""
    is_stated = "ed_frame" in case.facts or "es_frame" in case.facts
    names = [name for name in case.masks if name in (ED, ES) or (name in case.frames and not is_stated)]
    return [name for name in names if split_item(case.masks[name])[1] is None]


def _data_set(cohort: Cohort, case: Case, path: Path) -> str:
    """The folder of patients where a patient has a folder, else the folder of the cohort."""
    home = path.resolve().parent
    return _folder_name(home.parent if home.name == case.patient else cohort.root)


def _of_scans(path: Path, reading: Reading) -> Iterator[Study]:
    data_set = _folder_name(path if path.is_dir() else path.parent)
    scans = find_scans(path, reading)
    patients = _dicom_patients(path) if any(found.format == "dicom" for found in scans) else {}
    for found in scans:
        patient = patients.get((found.series_uid or str(found.path)).partition("#")[0])
        name = found.name or found.path.name
        yield Study(data_set, name, found.path, found.open, _size(found.path), patient, reading=reading)


def _dicom_patients(path: Path) -> dict[str, str | None]:
    """Series UID (or path, without one) -> pseudonym of the patient."""
    instances, _ = read_instances(walk(path)[0] if path.is_dir() else [path])
    return {instance.series or str(instance.path): identity(instance.patient, keep=False) for instance in instances}


def _folder_name(folder: Path) -> str:
    """The last name only: reports hold no path of this machine."""
    return folder.resolve().name or "data"


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size if path.exists() else 0


def _with_unique_names(studies: Sequence[Study]) -> list[Study]:
    """A study that was named twice counts once; equal names in one data set get a number."""
    unique: list[Study] = []
    seen: dict[tuple[str, str], int] = {}
    for study in {(study.path.resolve(), study.name): study for study in studies}.values():
        key = study.data_set, study.name
        seen[key] = seen.get(key, 0) + 1
        unique.append(study if seen[key] == 1 else replace(study, name=f"{study.name}-{seen[key]}"))
    return unique
