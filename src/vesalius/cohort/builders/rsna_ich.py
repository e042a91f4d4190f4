"""RSNA 2019 intracranial haemorrhage (Flanders et al. 2020, doi:10.1148/ryai.2020190211), in its two forms.

A series table (`nifti_path`, labels, `study_uid`, `patient_id`, see `builders.series`), or the competition's long table
(`ID_<image>_<type>`, `Label`) beside loose DICOM files. `any` is the maximum of the other labels.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Literal

from pydantic import Field

from vesalius.cohort.builders.dicom import Instance, by_series, identity, instance_notes, read_instances, series_case
from vesalius.cohort.builders.files import expected, files_below, listed, relative, stem
from vesalius.cohort.builders.series import LABELS, labels_of, read_series
from vesalius.cohort.case import IMAGE, Case
from vesalius.cohort.cohort import Cohort
from vesalius.config import Config
from vesalius.csv_table import TextTable, header, read_text_table
from vesalius.errors import InputError

_LONG = re.compile(rf"(?P<image>.+)_(?P<type>{'|'.join(LABELS)})")


class RsnaOptions(Config):
    """The table, and the unit of a case."""

    table: str | None = Field(
        default=None, description="path of the CSV below the folder; not needed if it is the only one"
    )
    per: Literal["series", "slice"] = Field(
        default="series", description="loose DICOM: a case for each series or slice"
    )
    keep_identifiers: bool = Field(default=False, description="loose DICOM: keep identifiers, write no pseudonyms")


def build(folder: Path, options: RsnaOptions) -> Cohort:
    """Return cases with the six labels, and further labels of a series table.

    Raises:
        InputError: no table of one of the two forms and no DICOM.
    """
    path = _table(folder, options.table)
    if path is None:
        raise expected(
            "RSNA ICH", "no table with nifti_path, none with ID and Label (without labels: layout dicom)", folder
        )
    if "nifti_path" in [name.lower() for name in header(path)]:
        return _from_series(folder, path)
    return _from_dicom(folder, _long_labels(read_text_table(path)), options)


def _table(folder: Path, named: str | None) -> Path | None:
    if named is not None:
        return folder / named
    tables = [path for path in files_below(folder, (".csv",)) if _is_known(path)]
    if len(tables) > 1:
        shown = ", ".join(relative(path, folder) for path in tables[:3])
        raise InputError(f"holds {len(tables)} label tables ({shown})", where=folder, fix="name one with table=FILE")
    return tables[0] if tables else None


def _is_known(path: Path) -> bool:
    head = {name.lower() for name in header(path)}
    return "nifti_path" in head or head == {"id", "label"}


def _from_series(folder: Path, path: Path) -> Cohort:
    cohort, bad, _ = read_series(path, folder)
    if not len(cohort):
        raise InputError("no nifti_path leads to a .nii or .nii.gz file", where=path, fix="check the paths in it")
    notes = listed({"rows whose nifti_path is not a NIfTI file, left out": [problem.id for problem in bad]})
    return Cohort(cohort.cases, folder, (*notes, *cohort.notes))


def _long_labels(table: TextTable) -> dict[str, dict[str, float]]:
    """Image -> type -> label."""
    labels: dict[str, dict[str, float]] = defaultdict(dict)
    path = table.path
    for number, cells in zip(table.numbers, table.rows(), strict=True):
        row = {name.lower(): cell for name, cell in cells.items()}
        match = _LONG.fullmatch(row.get("id", ""))
        if match is None:
            raise InputError(f"line {number} is not of the form ID_<image>_<type>", where=path, fix="check the table")
        known, kind = labels[match["image"]], match["type"]
        for name, label in labels_of({kind: row.get("label", "")}, f"line {number}", path).items():
            if known.setdefault(name, label) != label:
                what = f"line {number} contradicts an earlier line about the same image ({kind})"
                raise InputError(what, where=path, fix="leave one of the lines")
    return labels


def _from_dicom(folder: Path, slices: dict[str, dict[str, float]], options: RsnaOptions) -> Cohort:
    instances, broken = read_instances(files_below(folder))
    if not instances:
        raise expected("RSNA ICH", "a table with ID and Label, but no DICOM", folder)
    known = {item: slices.get(stem(item.path, (".dcm",))) or slices.get(item.uid) for item in instances}
    cases = _per_slice(folder, known, options) if options.per == "slice" else _per_series(folder, known, options)
    notes = instance_notes(instances, broken, folder, keep=options.keep_identifiers)
    notes += listed({"without a label in the table": [case.id for case in cases if slices and not case.labels]})
    unused = len(slices) - sum(label is not None for label in known.values())
    if unused > 0:
        notes.append(f"{unused} labelled images have no file")
    return Cohort(tuple(cases), folder, tuple(notes))


def _per_slice(folder: Path, known: dict[Instance, dict[str, float] | None], options: RsnaOptions) -> list[Case]:
    return [
        Case(
            id=stem(instance.path, (".dcm",)),
            patient=identity(instance.patient, keep=options.keep_identifiers),
            study=identity(instance.study, keep=options.keep_identifiers),
            images={IMAGE: relative(instance.path, folder)},
            labels=labels or {},
        )
        for instance, labels in known.items()
    ]


def _per_series(folder: Path, known: dict[Instance, dict[str, float] | None], options: RsnaOptions) -> list[Case]:
    cases = []
    for number, instances in enumerate(by_series(known, lambda instance: instance.study), 1):
        rows = [labels for instance in instances if (labels := known[instance])]
        labels = {
            name: max(row[name] for row in rows if name in row) for name in LABELS if any(name in row for row in rows)
        }
        name = f"series-{number:05d}"
        cases.append(series_case(name, instances, folder, keep=options.keep_identifiers, labels=labels))
    return cases
