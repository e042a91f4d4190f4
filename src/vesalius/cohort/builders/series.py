"""Tables of series: CSV with a line for each NIfTI file, its labels and other facts.

`nifti_path` starts from the folder of the table. `patient_id`, `study_uid`, `split` and `fold` are the patient, study,
split and fold of a manifest. The six labels of RSNA 2019 are always labels, and so are other columns that hold nothing
but 0, 1 and empty cells. `vesalius.csv_table` describes how cells may be written.
"""

from __future__ import annotations

import math
import os
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vesalius.cohort.builders.files import NIFTI, listed, on_disk, relative, stem
from vesalius.cohort.case import IMAGE, Case, Problem
from vesalius.cohort.cohort import Cohort
from vesalius.csv_table import header, number_in, read_text_table
from vesalius.errors import ConfigError, InputError
from vesalius.files import odd_kind

LABELS = ("any", "epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
"""Labels of RSNA 2019. `any` is the maximum of the others."""
_PATH = "nifti_path"
_LABEL_FIX = "write 0, 1 or nothing"
_FACTS = {"patient": "patient_id", "study": "study_uid", "split": "split", "fold": "fold"}
"""Field of a case -> column."""
_NO_LABELS = frozenset(
    (
        *(_PATH, *_FACTS.values(), "id", "patient", "study", "series", "series_uid", "seriesinstanceuid"),
        *("studyinstanceuid", "patientid", "sopinstanceuid", "accession", "index", "number", "age", "sex", "site"),
    )
)


def is_series_table(path: Path) -> bool:
    """Whether a file is a table of series: CSV whose header names `nifti_path`."""
    return path.suffix.lower() == ".csv" and _PATH in [name.lower() for name in header(path)]


def read_series(
    path: Path, folder: Path | None = None, classes: Sequence[str] = ()
) -> tuple[Cohort, list[Problem], tuple[int, ...]]:
    """Return the rows that lead to a NIfTI file as cases, the other rows with the reason, and the line of each case.

    Rows that name the same file are one case.

    Args:
        path: the table; its paths start from its folder.
        folder: root of the cohort; None: the folder of the table.
        classes: columns that are labels, whatever numbers they hold.

    Raises:
        InputError: unreadable file, a column twice, a label that is not a number, or contradicting rows.
    """
    folder = path.parent if folder is None else folder
    table = read_text_table(path)
    names, rows = table.columns, table.rows()
    columns = {name.lower(): name for name in names}
    labels, others = _label_columns(names, rows, classes)
    cases: list[Case] = []
    bad: list[Problem] = []
    lines: dict[str, tuple[int, int]] = {}  # file -> its case, its line
    taken: dict[str, int] = defaultdict(int)
    again = 0
    for number, row in zip(table.numbers, rows, strict=True):
        written = on_disk(path.parent, row.get(columns.get(_PATH, _PATH), ""))
        target = path.parent / written
        reason = _unusable(written, target)
        if reason is not None:
            bad.append(Problem(f"line {number}", reason))
            continue
        known = {field: row[columns[column]] for field, column in _FACTS.items() if column in columns}
        known_labels = labels_of({name: row[column] for name, column in labels.items()}, f"line {number}", path)
        case = _case(target, folder, known, known_labels, (number, path))
        place, line = lines.setdefault(os.path.realpath(target), (len(cases), number))
        if place < len(cases):
            cases[place] = _joined(cases[place], case, (line, number), path)
            again += 1
        else:
            cases.append(case.model_copy(update={"id": _free(case.id, taken)}))
    notes = [] if any(case.patient for case in cases) else ["no patient_id: only cases of a study are kept together"]
    if again:
        notes.append(f"rows that name the file of an earlier row, counted once: {again}")
    firsts = tuple(line for _, line in lines.values())
    return Cohort(tuple(cases), folder, (*notes, *others)), bad, firsts


def labels_of(cells: Mapping[str, str], where: str, path: Path) -> dict[str, float]:
    """Return the known labels, and `any` where the five others are known.

    Raises:
        InputError: a label is not a finite number.
    """
    known = {}
    for name, cell in cells.items():
        try:
            value = number_in(cell or "nan")
        except ValueError as error:
            raise InputError(f"{where}: the label {name} is not a number", where=path, fix=_LABEL_FIX) from error
        if math.isinf(value):
            raise InputError(f"{where}: the label {name} is infinite", where=path, fix=_LABEL_FIX)
        if not math.isnan(value):
            known[name] = value
    five = [known[name] for name in LABELS[1:] if name in known]
    if "any" not in known and len(five) == len(LABELS) - 1:
        known = {"any": max(five), **known}
    return known


def _label_columns(
    names: Sequence[str], rows: Sequence[Mapping[str, str]], classes: Sequence[str]
) -> tuple[dict[str, str], list[str]]:
    """Return label -> column, those of RSNA first, and notes about the other columns."""
    columns = {name.lower(): name for name in names}
    six = {label: columns[label] for label in LABELS if label in columns}
    rest = [name for name in names if name and name.lower() not in {*_NO_LABELS, *LABELS}]
    filled = [name for name in rest if any(not _is_empty(row[name]) for row in rows)]
    more = [name for name in names if name in classes and name not in six.values()]
    more += [name for name in filled if name not in more and all(_is_decided(row[name]) for row in rows)]
    notes = {
        "label columns besides those of RSNA": more if six else [],
        "columns that hold other values than 0 and 1, not labels": [name for name in filled if name not in more],
    }
    return {**six, **{name: name for name in more}}, listed(notes)


def _is_empty(cell: str) -> bool:
    return not cell or cell.lower() == "nan"


def _is_decided(cell: str) -> bool:
    """Whether a cell holds 0, 1 or nothing."""
    try:
        return _is_empty(cell) or number_in(cell) in (0, 1)
    except ValueError:
        return False


def _unusable(written: str, target: Path) -> str | None:
    """Return why a path leads to no NIfTI file; None where it does."""
    if not written:
        return "nifti_path is empty"
    try:
        if target.is_dir():
            return "nifti_path is a folder"
        kind = odd_kind(target)
        if kind is not None:
            return f"nifti_path leads to {kind}"
        if not target.is_file():
            return "nifti_path leads to no file"
    except OSError:  # too long a name, a folder that may not be looked into
        return "nifti_path cannot be followed"
    return None if target.name.lower().endswith(NIFTI) else "nifti_path is not a .nii or .nii.gz file"


def _case(
    target: Path, folder: Path, known: Mapping[str, str], labels: dict[str, float], line: tuple[int, Path]
) -> Case:
    """Return a row as a case; `line` is its number and the table."""
    number, path = line
    fields: dict[str, Any] = {field: cell or None for field, cell in known.items()}
    if fields.get("fold") is not None:
        fields["fold"] = _fold(fields["fold"], number, path)
    name = unicodedata.normalize("NFC", stem(target)).strip() or "series"
    image = relative(target, folder) if target.is_relative_to(folder) else target.as_posix()
    try:
        return Case.build(id=name, images={IMAGE: image}, labels=labels, **fields)
    except ConfigError as error:  # its text quotes the cell, perhaps a patient
        raise InputError(f"line {number}: a cell or a column has too long a name", where=path) from error


def _fold(cell: str, number: int, path: Path) -> int | None:
    try:
        fold = float(cell)
        if math.isnan(fold):
            return None
        if fold < 0 or not fold.is_integer():
            raise ValueError(cell)
    except ValueError as error:
        fix = "write 0, 1, ... or nothing"
        raise InputError(f"line {number}: the fold is not a whole number", where=path, fix=fix) from error
    return int(fold)


def _joined(first: Case, second: Case, lines: tuple[int, int], path: Path) -> Case:
    """Return the case of two rows that name the same file."""
    shared = set(first.labels) & set(second.labels)
    differ = [f"label {name}" for name in first.labels if name in shared and first.labels[name] != second.labels[name]]
    differ += [
        name
        for name in _FACTS
        if None not in (getattr(first, name), getattr(second, name)) and getattr(first, name) != getattr(second, name)
    ]
    if differ:
        what = f"lines {lines[0]} and {lines[1]} name one file and contradict each other ({differ[0]})"
        raise InputError(what, where=path, fix="remove one of the lines")
    facts = {name: getattr(second if getattr(first, name) is None else first, name) for name in _FACTS}
    return first.model_copy(update={**facts, "labels": {**first.labels, **second.labels}})


def _free(name: str, taken: dict[str, int]) -> str:
    """Return the first free name of NAME, NAME-2, ..."""
    free = name
    while free in taken:
        taken[name] += 1
        free = f"{name}-{taken[name]}"
    taken[free] = max(1, taken[free])
    return free
