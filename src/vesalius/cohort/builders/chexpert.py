"""CheXpert (Irvin et al. 2019, arXiv:1901.07031) and tables of its form: Path, Sex, Age, view, then one column a label.

train.csv and valid.csv of CheXpert-v1.0 and its small version, and test_labels.csv of the test set. That has no columns
of sex, age and view: whether a view is frontal is then read from the name of the picture. The tables write
CheXpert-v1.0/train/patient00001/...; the download has these patients in "CheXpert-v1.0 batch 2 (train 1)" and two more
such folders. Patient and study are folders of the path; labels are those of `vesalius.cohort.builders.findings`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath

from vesalius.cohort.builders.files import SPLITS, expected, files_below, listed, number_or_text, stem
from vesalius.cohort.builders.findings import FindingOptions, known_labels, sex
from vesalius.cohort.case import IMAGE, Case, Fact
from vesalius.cohort.cohort import Cohort
from vesalius.csv_table import header, read_text_table
from vesalius.errors import InputError

_FACTS = {"Sex": "sex", "Age": "age", "Frontal/Lateral": "projection", "AP/PA": "view"}
_PATH = "Path"
_PLACE = re.compile(r"(?P<patient>patient\d+)/(?P<study>study\d+)/", re.IGNORECASE)
_UNKNOWN = ("", "Unknown")
_BATCHES = "CheXpert* batch * (train *)"
"""Folders with training patients in the download of Stanford AIMI."""


def build(folder: Path, options: FindingOptions) -> Cohort:
    """Return the cases of train.csv and valid.csv (or of every table of this form); their names are the splits.

    Raises:
        InputError: no such table, or it lists no image that exists.
    """
    tables = {path: rows for path in files_below(folder, (".csv", ".csv.gz")) if (rows := _rows(path))}
    if not tables:
        raise expected("CheXpert", "no table with a column Path", folder)
    others = [path for path in tables if _split(path) is None]
    if len(others) < len(tables):  # another labeller's table of the same pictures, such as train_cheXbert.csv
        tables = {path: rows for path, rows in tables.items() if path not in others}
    else:
        others = []
    cases: list[Case] = []
    missing: list[str] = []
    left_out: Counter[str] = Counter()
    for path, rows in tables.items():
        split, places = _split(path), _places(folder, path.parent)
        for row in rows:
            why = _why_not(row, options)
            if why is not None:
                left_out[why] += 1
                continue
            image = _find(folder, places, row[_PATH])
            case = _case(row, image, split, options, path)
            if image is None:
                missing.append(case.id)
            else:
                cases.append(case)
    if not cases:
        raise InputError("no image of the tables exists", where=folder, fix="put the images where the column Path says")
    left = {
        "tables of other names, left out": [path.name for path in others],
        "missing images": missing,
        "without a patient in their path": [case.id for case in cases if case.patient is None],
    }
    notes = [options.note, *listed(left)]
    notes += [f"rows {why}, left out: {count}" for why, count in left_out.items()]
    return Cohort(tuple(cases), folder, tuple(notes))


def _split(path: Path) -> str | None:
    return SPLITS.get(stem(path, (".csv", ".csv.gz")).lower().removesuffix("_labels"))


def _why_not(row: dict[str, str], options: FindingOptions) -> str | None:
    """Return why a row is left out; None where it is kept."""
    if options.frontal and _projection(row) == "Lateral":
        return "of other than frontal views (frontal=false keeps them)"
    return None if row[_PATH] else "without a path"


def _projection(row: dict[str, str]) -> str:
    """Return Frontal or Lateral, from the name of the picture where no column states it; "" where nothing does."""
    stated = row.get("Frontal/Lateral", "")
    if stated:
        return stated
    name = PureWindowsPath(row[_PATH]).name.lower()
    return next((word.title() for word in ("frontal", "lateral") if word in name), "")


def _rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table of this form, with the columns in the capitals of CheXpert; none of another table."""
    known = {name.lower(): name for name in (_PATH, *_FACTS)}
    if _PATH.lower() not in [name.lower() for name in header(path)]:
        return []
    rows = read_text_table(path).rows()
    return [{known.get(name.lower(), name): cell for name, cell in row.items() if name} for row in rows]


def _places(folder: Path, home: Path) -> list[Path]:
    """Return the folders below which pictures may lie: the whole, that of the table, and batches beside either."""
    around = dict.fromkeys(place for place in (folder, home, home.parent) if place.is_relative_to(folder))
    return [folder, home, *(batch for place in around for batch in sorted(place.glob(_BATCHES)))]


def _find(folder: Path, places: Sequence[Path], path: str) -> str | None:
    """Return the path from the folder; the first parts of a path in the table may be missing on disk."""
    parts = (path if (folder / path).exists() else path.replace("\\", "/")).split("/")
    for start in range(min(3, len(parts))):
        for place in places:
            target = place.joinpath(*parts[start:])
            if target.is_file() and target.is_relative_to(folder):
                return target.relative_to(folder).as_posix()
    return None


def _case(row: dict[str, str], image: str | None, split: str | None, options: FindingOptions, table: Path) -> Case:
    path = row[_PATH].replace("\\", "/")
    place = _PLACE.search(path)
    facts: dict[str, Fact] = {
        name: number_or_text(row[key]) for key, name in _FACTS.items() if row.get(key, "") not in _UNKNOWN
    }
    if projection := _projection(row):
        facts["projection"] = projection
    if "sex" in facts:
        facts["sex"] = sex(row["Sex"]) or row["Sex"]
    findings = {name: cell for name, cell in row.items() if name not in _FACTS and name != _PATH}
    name = f"{place['patient']}-{place['study']}-{stem(Path(path))}" if place else stem(Path(path))
    return Case(
        id=name if split is None else f"{split}-{name}",
        patient=place["patient"] if place else None,
        study=f"{place['patient']}/{place['study']}" if place else None,
        images={IMAGE: image or path},
        labels=known_labels(findings, options, table),
        facts=facts,
        split=split,
    )
