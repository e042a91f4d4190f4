"""RSNA 2019 intracranial haemorrhage (Flanders et al. 2020, doi:10.1148/ryai.2020190211), in its two forms.

A series table (`nifti_path`, six labels, `study_uid`, `patient_id`), or the competition's long table
(`ID_<image>_<type>`, `Label`) beside loose DICOM files. `any` is the maximum of the other labels.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Literal

from pydantic import Field

from vesalius.cohort.builders.dicom import PSEUDONYMS, Instance, identity, read_instances, series_case
from vesalius.cohort.builders.files import NIFTI, example, expected, files_below, read_table, relative, stem
from vesalius.cohort.case import IMAGE, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.sample import Problem
from vesalius.config import Config
from vesalius.errors import InputError

LABELS = ("any", "epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
_LONG = re.compile(rf"(?P<image>.+)_(?P<type>{'|'.join(LABELS)})")


class RsnaOptions(Config):
    """Which table, and what a case is."""

    table: str | None = Field(
        default=None, description="the CSV, below the folder; found by itself if it is the only one"
    )
    per: Literal["series", "slice"] = Field(
        default="series", description="loose DICOM: a case for each series or slice"
    )
    keep_identifiers: bool = Field(default=False, description="loose DICOM: identifiers as they are, no pseudonyms")


def build(folder: Path, options: RsnaOptions) -> Cohort:
    """Cases with six labels.

    Raises:
        InputError: no table of one of the two forms and no DICOM.
    """
    path = _table(folder, options.table)
    if path is None:
        raise expected(
            "RSNA ICH", "no table with nifti_path, none with ID and Label (without labels: layout dicom)", folder
        )
    rows = read_table(path)
    if rows and "nifti_path" in {name.lower() for name in rows[0]}:
        return _from_series(folder, path)
    return _from_dicom(folder, _long_labels(rows, path), options)


def _table(folder: Path, named: str | None) -> Path | None:
    if named is not None:
        return folder / named
    found = [path for path in files_below(folder, (".csv",)) if _is_known(path)]
    if len(found) > 1:
        shown = ", ".join(relative(one, folder) for one in found[:3])
        raise InputError(f"holds {len(found)} label tables ({shown})", where=folder, fix="name one with table=FILE")
    return found[0] if found else None


def _is_known(path: Path) -> bool:
    head = _header(path)
    return "nifti_path" in head or head == {"id", "label"}


def _header(path: Path) -> set[str]:
    """The columns of a table; none where it cannot be read."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            return {word.strip().strip('"').lower() for word in file.readline().split(",")}
    except (OSError, UnicodeDecodeError):
        return set()


def is_series_table(path: Path) -> bool:
    """Whether a file is a table of series: CSV whose header names `nifti_path`."""
    return path.suffix.lower() == ".csv" and "nifti_path" in _header(path)


def read_series(path: Path, folder: Path | None = None) -> tuple[Cohort, list[Problem]]:
    """The rows of a table of series that lead to a NIfTI file, and the others with the reason.

    Args:
        path: the table; its paths start from its folder.
        folder: root of the cohort; None: the folder of the table.

    Raises:
        InputError: it cannot be read, or a label is no number.
    """
    folder = path.parent if folder is None else folder
    cases, bad = [], []
    taken: dict[str, int] = defaultdict(int)
    for number, row in enumerate(read_table(path), start=2):
        row = {key.lower(): value for key, value in row.items()}
        target = path.parent / row.get("nifti_path", "")
        reason = _unusable(row.get("nifti_path", ""), target)
        if reason is not None:
            bad.append(Problem(f"line {number}", reason))
            continue
        name = stem(target)
        taken[name] += 1
        cases.append(
            Case(
                id=name if taken[name] == 1 else f"{name}-{taken[name]}",
                patient=row.get("patient_id") or None,
                study=row.get("study_uid") or None,
                images={IMAGE: _posix(target, folder)},
                labels=_labels({name: row.get(name, "") for name in LABELS}, f"line {number}", path),
            )
        )
    notes = [] if any(case.patient for case in cases) else ["no patient_id: cases can only be kept together by study"]
    return Cohort(tuple(cases), folder, tuple(notes)), bad


def _from_series(folder: Path, path: Path) -> Cohort:
    cohort, bad = read_series(path, folder)
    if not len(cohort):
        raise InputError("no nifti_path leads to a .nii or .nii.gz file", where=path, fix="check the paths in it")
    told = f"rows whose nifti_path is no NIfTI file, left out: {example([one.id for one in bad])}"
    return Cohort(cohort.cases, folder, (*([told] if bad else []), *cohort.notes))


def _unusable(written: str, target: Path) -> str | None:
    """Why a path leads to no NIfTI file; None where it does."""
    if not written:
        return "nifti_path is empty"
    if target.is_dir():
        return "nifti_path is a folder"
    if not target.is_file():
        return "nifti_path leads to no file"
    return None if target.name.lower().endswith(NIFTI) else "nifti_path is no .nii or .nii.gz file"


def _labels(row: dict[str, str], where: str, path: Path) -> dict[str, float]:
    try:
        known = {name: float(cell) for name, cell in row.items() if cell and cell.lower() != "nan"}
    except ValueError as error:
        raise InputError(f"{where}: a label is no number", where=path, fix="write 0, 1 or nothing") from error
    others = [value for name, value in known.items() if name != "any"]
    if others and "any" not in known and len(others) == len(LABELS) - 1:
        known = {"any": max(others), **known}
    return known


def _long_labels(rows: list[dict[str, str]], path: Path) -> dict[str, dict[str, float]]:
    """Image -> type -> label."""
    labels: dict[str, dict[str, float]] = defaultdict(dict)
    for number, row in enumerate(rows, start=2):
        match = _LONG.fullmatch(row.get("ID", ""))
        if match is None:
            raise InputError(f"line {number} is not of the form ID_<image>_<type>", where=path, fix="check the table")
        labels[match["image"]] |= _labels({match["type"]: row.get("Label", "")}, f"line {number}", path)
    return labels


def _from_dicom(folder: Path, slices: dict[str, dict[str, float]], options: RsnaOptions) -> Cohort:
    instances = read_instances(files_below(folder))
    if not instances:
        raise expected("RSNA ICH", "a table with ID and Label, but no DICOM", folder)
    known = {one: slices.get(stem(one.path, (".dcm",))) or slices.get(one.uid) for one in instances}
    cases = _per_slice(folder, known, options) if options.per == "slice" else _per_series(folder, known, options)
    notes = [] if options.keep_identifiers else [PSEUDONYMS]
    without = [case.id for case in cases if not case.labels]
    if slices and without:
        notes.append(f"without a label in the table: {example(without)}")
    unused = len(slices) - sum(label is not None for label in known.values())
    if unused > 0:
        notes.append(f"{unused} labelled images have no file")
    return Cohort(tuple(cases), folder, tuple(notes))


def _per_slice(folder: Path, known: dict[Instance, dict[str, float] | None], options: RsnaOptions) -> list[Case]:
    return [
        Case(
            id=stem(one.path, (".dcm",)),
            patient=identity(one.patient, keep=options.keep_identifiers),
            study=identity(one.study, keep=options.keep_identifiers),
            images={IMAGE: relative(one.path, folder)},
            labels=labels or {},
        )
        for one, labels in known.items()
    ]


def _per_series(folder: Path, known: dict[Instance, dict[str, float] | None], options: RsnaOptions) -> list[Case]:
    series: dict[tuple[str, str], list[Instance]] = defaultdict(list)
    for one in known:
        series[one.study, one.series or str(one.path.parent)].append(one)
    cases = []
    for number, some in enumerate(sorted(series.values(), key=lambda some: min(one.path for one in some)), 1):
        rows = [labels for one in some if (labels := known[one])]
        labels = {
            name: max(row[name] for row in rows if name in row) for name in LABELS if any(name in row for row in rows)
        }
        cases.append(series_case(f"series-{number:05d}", some, folder, keep=options.keep_identifiers, labels=labels))
    return cases


def _posix(target: Path, folder: Path) -> str:
    return relative(target, folder) if target.is_relative_to(folder) else target.as_posix()
