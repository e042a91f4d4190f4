"""What is evaluated: studies, the data set each belongs to, and the masks that lie beside it.

The ACDC layout is known: `<id>_4d.nii.gz` in a folder with `Info.cfg` ("ED: 1", "ES: 12", counted from 1) and masks
`<id>_frame01_gt.nii.gz` or `<id>_ED_gt.nii.gz`. Anything else is opened as it is, without masks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import InputError, UsageError
from vesalius.files import regular, walk
from vesalius.metrics.codec import Box, heart_region
from vesalius.scan.found import closed_folder
from vesalius.scan.label_values import NotLabelsError, read_labels
from vesalius.scan.nifti import read as nifti
from vesalius.scan.open import find_scans
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.scan.scan import Scan

_CINE = re.compile(r"(?P<id>.+)_4d\.nii(\.gz)?")
_MASK = re.compile(r"_(frame(?P<frame>\d+)|(?P<phase>ED|ES))_gt\.nii(\.gz)?")
_LABELS = np.iinfo(np.int16)
_FACT = re.compile(r"\s*(\w+)\s*:\s*(\d+)\s*")


@dataclass(frozen=True)
class Study:
    """One scan to be evaluated; it counts as one patient.

    Args:
        data_set: name of the folder of patients.
        name: name within the data set, unique there.
        path: file or folder.
        open: reads the header and gives the scan.
        source_bytes: size of the file or of all files of the folder.
        masks: label files of the heart, none where unknown.
        systole: frame of end systole, counted from 0; None where unknown.
        diastole: frame of end diastole, the same.
        is_cycle: the layout says that the T axis is the cardiac cycle, whatever the file says.
        reading: how it is opened.
    """

    data_set: str
    name: str
    path: Path
    open: Callable[[], Scan]
    source_bytes: int
    masks: tuple[Path, ...] = ()
    systole: int | None = None
    diastole: int | None = None
    is_cycle: bool = False
    reading: Reading = AS_STATED

    def scan(self) -> Scan:
        """The opened scan; its T axis is time where the layout says so."""
        scan = self.open()
        if self.is_cycle and scan.t_meaning == "unknown" and scan.shape[1] > 1:
            return replace(scan, t_meaning="time")
        return scan


def find_studies(paths: Sequence[Path], reading: Reading = AS_STATED) -> list[Study]:
    """The studies at these paths, in a stable order.

    A folder that holds 4D files of the ACDC layout gives those and nothing else (frames and masks are cut from
    them); any other path gives every scan in it.

    Raises:
        InputError: nothing readable at a path.
        UsageError: no path.
    """
    if not paths:
        raise UsageError("no scan was named", fix="name folders or files")
    studies: list[Study] = []
    for path in paths:
        studies.extend(_find(path, reading))
    return _with_unique_names(studies)


def heart_box(study: Study, scan: Scan) -> tuple[Box | None, str]:
    """The heart region of a study, and a note why there is none.

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
    """The labels of a reference mask, (I, J, K).

    Raises:
        InputError: it cannot be read, or holds no labels.
    """
    try:
        return read_labels(nifti.read(path), _LABELS.min, _LABELS.max)[0, 0]
    except NotLabelsError as error:
        raise InputError(f"one of the masks {error}") from error


def masks_by_frame(study: Study) -> dict[int, Path]:
    """The masks whose frame is known, counted from 0: by their names, or by Info.cfg for those called ED and ES."""
    found: dict[int, Path] = {}
    for path in study.masks:
        match = _MASK.search(path.name)
        assert match is not None
        known = {"ED": study.diastole, "ES": study.systole, None: _from_0(int(match["frame"] or 0))}
        frame = known[match["phase"]]
        if frame is not None:
            found[frame] = path
    return found


def _find(path: Path, reading: Reading) -> Iterator[Study]:
    if not path.exists():
        raise InputError("no such file or folder", where=path)
    files, closed = ([path], []) if path.is_file() else walk(path)
    cines = [file for file in files if _CINE.fullmatch(file.name) and regular(file).is_file()]
    if cines:
        yield from (_acdc_study(file, reading) for file in cines)
        for place, error in closed:
            lost = closed_folder(place, error)
            yield Study(_name(path), lost.name, place, lost.open, 0)
        return
    data_set = _name(path if path.is_dir() else path.parent)
    for found in find_scans(path, reading):
        name = found.name or found.path.name
        yield Study(data_set, name, found.path, found.open, _size(found.path), reading=reading)


def _acdc_study(file: Path, reading: Reading) -> Study:
    match = _CINE.fullmatch(file.name)
    assert match is not None
    patient, facts = match["id"], _facts(file.parent / "Info.cfg")
    own_folder = bool(facts) or _name(file.parent) == patient
    folder = file.resolve().parent
    phases = {name: facts[name] for name in ("ED", "ES") if name in facts}
    return Study(
        data_set=_name(folder.parent if own_folder else folder),
        name=patient,
        path=file,
        open=lambda: nifti.read(file, reading),
        source_bytes=_size(file),
        masks=tuple(_masks(file.parent, patient, set(phases.values()))),
        systole=_from_0(phases.get("ES", 0)),
        diastole=_from_0(phases.get("ED", 0)),
        is_cycle=len(phases) == 2,
        reading=reading,
    )


def _from_0(frame: int) -> int | None:
    return frame - 1 if frame > 0 else None


def _name(folder: Path) -> str:
    """Its last name only; no path of this machine enters a report."""
    return folder.resolve().name or "data"


def _facts(path: Path) -> dict[str, int]:
    """The whole numbers of an Info.cfg; empty where there is none."""
    try:
        lines = regular(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    return {match[1]: int(match[2]) for match in map(_FACT.fullmatch, lines) if match}


def _masks(folder: Path, patient: str, frames: set[int]) -> Iterator[Path]:
    """Masks of end diastole and end systole; of every labelled frame where Info.cfg names none."""
    for file in sorted(folder.glob("*_gt.nii*")):
        match = _MASK.fullmatch(file.name.removeprefix(patient)) if file.name.startswith(patient) else None
        if match and (match["phase"] or not frames or int(match["frame"]) in frames):
            yield file


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _with_unique_names(studies: Sequence[Study]) -> list[Study]:
    """A path that was named twice counts once; equal names in one data set get a number."""
    result: list[Study] = []
    seen: dict[tuple[str, str], int] = {}
    for study in {(study.path.resolve(), study.name): study for study in studies}.values():
        key = study.data_set, study.name
        seen[key] = seen.get(key, 0) + 1
        result.append(study if seen[key] == 1 else replace(study, name=f"{study.name}-{seen[key]}"))
    return result
