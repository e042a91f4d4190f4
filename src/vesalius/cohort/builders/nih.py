"""NIH ChestX-ray14 (Wang et al. 2017, arXiv:1705.02315) and tables of its form: findings joined by a bar."""

from __future__ import annotations

from pathlib import Path

from vesalius.cohort.builders.files import (
    PICTURES,
    example,
    expected,
    files_below,
    number_or_text,
    read_table,
    relative,
    stem,
)
from vesalius.cohort.case import IMAGE, Case, Fact
from vesalius.cohort.cohort import Cohort
from vesalius.errors import InputError

NOTHING = "No Finding"
_COLUMNS = {
    "image": ("image_path", "image index", "image", "path", "filename"),
    "findings": ("finding_labels", "finding labels", "labels", "findings"),
    "patient": ("patient_id", "patient id", "patientid", "patient"),
    "age": ("age", "patient age"),
    "sex": ("sex", "patient gender", "gender", "patient sex"),
    "view": ("view", "view position", "viewposition"),
    "follow_up": ("follow_up", "follow-up #", "follow-up"),
}
"""What a column says -> its names, in lower case."""


def build(folder: Path) -> Cohort:
    """One case for each row; every finding that occurs is a class, "No Finding" is 0 in all of them.

    Raises:
        InputError: no such table, or none of its images is there.
    """
    for path in files_below(folder, (".csv",)):
        rows = read_table(path)
        columns = _known(list(rows[0])) if rows else {}
        if {"image", "findings"} <= set(columns):
            return _from_table(folder, path, rows, columns)
    raise expected("NIH", "no table with an image and findings joined by |", folder)


def _known(names: list[str]) -> dict[str, str]:
    """What -> the table's own column name."""
    lower = {name.lower(): name for name in names}
    found = {what: next((lower[word] for word in words if word in lower), None) for what, words in _COLUMNS.items()}
    return {what: name for what, name in found.items() if name is not None}


def _from_table(folder: Path, path: Path, rows: list[dict[str, str]], columns: dict[str, str]) -> Cohort:
    by_name: dict[str, str] = {}
    for file in files_below(folder, PICTURES):
        by_name.setdefault(file.name, relative(file, folder))
    findings = [[one.strip() for one in row[columns["findings"]].split("|") if one.strip()] for row in rows]
    classes = sorted({one for some in findings for one in some} - {NOTHING})
    cases, missing = [], []
    for row, some in zip(rows, findings, strict=True):
        image = row[columns["image"]]
        direct = path.parent / image
        found = relative(direct, folder) if image and direct.is_file() else by_name.get(Path(image).name)
        if found is None:
            missing.append(image or "(no name)")
            continue
        facts: dict[str, Fact] = {}
        for what in ("age", "sex", "view", "follow_up"):
            if what in columns and row[columns[what]]:
                facts[what] = number_or_text(row[columns[what]])
        cases.append(
            Case(
                id=stem(Path(image)),
                patient=row[columns["patient"]] or None if "patient" in columns else None,
                images={IMAGE: found},
                labels={one: float(one in some) for one in classes} if some else {},
                facts=facts,
            )
        )
    if not cases:
        raise InputError("none of its images is there", where=path, fix="put the images below the folder")
    notes = (f"listed but not there: {example(missing)}",) if missing else ()
    return Cohort(tuple(cases), folder, notes)
