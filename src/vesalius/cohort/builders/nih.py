"""NIH ChestX-ray14 (Wang et al. 2017, arXiv:1705.02315) and tables of its form: findings joined by a bar.

Data_Entry_2017.csv (ages such as 058Y) and its version of 2020 are read, with the boxes of BBox_List_2017.csv, which
are in pixels of the original pictures of 1024 x 1024. Pictures of test_list.txt are the split "test"; those of
train_val_list.txt keep none, so that training divides them by patient.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath

from vesalius.cohort.builders.files import (
    PICTURES,
    example,
    expected,
    files_below,
    listed,
    number_or_text,
    on_disk,
    relative,
    stem,
)
from vesalius.cohort.builders.findings import age_years
from vesalius.cohort.case import IMAGE, Box, Case, Fact
from vesalius.cohort.cohort import Cohort
from vesalius.csv_table import header, number_in, read_text_table
from vesalius.errors import ConfigError, InputError
from vesalius.files import regular

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
"""Meaning of a column -> its names, in lower case."""
_TEST, _SIDE = "test_list.txt", 1024.0
_BOX = ("image index", "finding label", "bbox [x", "y", "w", "h]")
_RENAMED = {"Infiltrate": "Infiltration"}
"""A finding as the boxes name it -> as the labels do."""


def build(folder: Path) -> Cohort:
    """Return one case for each row; every finding that occurs is a class, "No Finding" is 0 in all of them.

    Boxes and the official test split are read where their files lie below the folder.

    Raises:
        InputError: no such table, or none of its images exists.
    """
    known = {path: _known(header(path)) for path in files_below(folder, (".csv", ".csv.gz"))}
    fitting = [path for path, columns in known.items() if {"image", "findings"} <= set(columns)]
    if not fitting:
        raise expected("NIH", "no table with an image and findings joined by |", folder)
    first, *others = fitting
    cohort = _from_table(folder, first, read_text_table(first).rows(), known[first])
    if not others:
        return cohort
    left_out = example([relative(path, folder) for path in others])
    note = f"only {relative(first, folder)} was read, other tables of this form were left out: {left_out}"
    return Cohort(cohort.cases, cohort.root, (note, *cohort.notes))


def _known(names: Sequence[str]) -> dict[str, str]:
    """Return meaning -> column name in the table."""
    lower = {name.lower(): name for name in names}
    columns = {what: next((lower[word] for word in words if word in lower), None) for what, words in _COLUMNS.items()}
    return {what: name for what, name in columns.items() if name is not None}


def _from_table(folder: Path, path: Path, rows: list[dict[str, str]], columns: dict[str, str]) -> Cohort:
    by_name: dict[str, list[str]] = defaultdict(list)
    for file in files_below(folder, PICTURES):
        by_name[file.name].append(relative(file, folder))
    findings = [[name.strip() for name in row[columns["findings"]].split("|") if name.strip()] for row in rows]
    classes = sorted({name for names in findings for name in names} - {NOTHING})
    cases: list[Case] = []
    missing: list[str] = []
    several: list[str] = []
    boxes, tested = _boxes(folder), _tested(folder)
    for row, names in zip(rows, findings, strict=True):
        image = on_disk(path.parent, row[columns["image"]])
        direct = path.parent / image
        is_direct = bool(image) and direct.is_file() and direct.is_relative_to(folder)
        offered = [relative(direct, folder)] if is_direct else by_name.get(_file_name(image), [])
        if len(offered) != 1:
            (several if offered else missing).append(image or "(no name)")
            continue
        facts: dict[str, Fact] = {}
        for what in ("age", "sex", "view", "follow_up"):
            if what in columns and row[columns[what]]:
                facts[what] = number_or_text(row[columns[what]])
        if (years := age_years(str(facts.get("age", "")))) is not None:
            facts["age"] = years
        cases.append(
            Case(
                id=stem(Path(_file_name(image))),
                patient=row[columns["patient"]] or None if "patient" in columns else None,
                images={IMAGE: offered[0]},
                labels={name: float(name in names) for name in classes} if names else {},
                facts=facts,
                boxes=tuple(boxes[_file_name(image)]),
                split="test" if _file_name(image) in tested else None,
            )
        )
    if not cases:
        raise InputError("none of its images exists", where=path, fix="put the images below the folder")
    notes = {
        "missing images": missing,
        "pictures whose name occurs in several folders, left out": several,
        "without a patient in the table": [case.id for case in cases if case.patient is None],
    }
    return Cohort(tuple(cases), folder, tuple(listed(notes)))


def _boxes(folder: Path) -> dict[str, list[Box]]:
    """Return file name of a picture -> its boxes, from every table of boxes below the folder."""
    found: dict[str, list[Box]] = defaultdict(list)
    for path in files_below(folder, (".csv", ".csv.gz")):
        if tuple(name.lower() for name in header(path)[: len(_BOX)]) != _BOX:
            continue
        for number, cells in read_text_table(path).filled():
            try:
                x, y, width, height = (number_in(cell) / _SIDE for cell in cells[2:6])
                ends = {"left": max(x, 0), "top": max(y, 0), "right": min(x + width, 1), "bottom": min(y + height, 1)}
                found[cells[0].strip()].append(Box.parse({"label": _RENAMED.get(cells[1], cells[1]), **ends}))
            except (ValueError, ConfigError) as error:
                what = f"line {number} holds no box inside a picture of {_SIDE:g} x {_SIDE:g}"
                raise InputError(what, where=path, fix="copy the table again") from error
    return found


def _tested(folder: Path) -> frozenset[str]:
    """Return the file names of the official test split; none without its list."""
    for path in files_below(folder, (_TEST,)):
        if path.name.lower() == _TEST:
            try:
                return frozenset(regular(path).read_text(encoding="utf-8-sig").split())
            except (OSError, UnicodeDecodeError) as error:
                raise InputError("cannot be read as text", where=path) from error
    return frozenset()


def _file_name(written: str) -> str:
    return PureWindowsPath(written).name  # splits at both kinds of slash
