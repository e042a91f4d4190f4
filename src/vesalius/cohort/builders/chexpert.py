"""CheXpert (Irvin et al. 2019, arXiv:1901.07031) and tables of its form: Path, Sex, Age, view, then one column a label.

1 is positive, 0 negative, -1 uncertain, empty not mentioned. Patient and study are folders of the path.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from pathlib import Path
from typing import Literal

from pydantic import Field

from vesalius.cohort.builders.files import expected, files_below, listed, number_or_text, stem
from vesalius.cohort.case import IMAGE, Case, Fact
from vesalius.cohort.cohort import Cohort
from vesalius.config import Config
from vesalius.csv_table import header, number_in, read_text_table
from vesalius.errors import InputError

_FACTS = {"Sex": "sex", "Age": "age", "Frontal/Lateral": "projection", "AP/PA": "view"}
_PATH = "Path"
_PLACE = re.compile(r"(?P<patient>patient\d+)/(?P<study>study\d+)/", re.IGNORECASE)
_UNCERTAIN = -1.0


class ChexpertOptions(Config):
    """Values of uncertain and unmentioned labels."""

    uncertain: Literal["ones", "zeros", "ignore"] = Field(default="ignore", description="U-Ones, U-Zeros, U-Ignore")
    blank: Literal["zeros", "ignore"] = Field(default="zeros", description="a finding that is not mentioned")
    frontal: bool = Field(default=True, description="frontal views only")


def build(folder: Path, options: ChexpertOptions) -> Cohort:
    """Return the cases of train.csv and valid.csv (or of every table of this form); their names are the splits.

    Raises:
        InputError: no such table, or it lists no image that exists.
    """
    tables = {path: rows for path in files_below(folder, (".csv",)) if (rows := _rows(path))}
    if not tables:
        raise expected("CheXpert", "no table with a column Path", folder)
    cases: list[Case] = []
    missing: list[str] = []
    left_out: Counter[str] = Counter()
    for path, rows in tables.items():
        split = {"train": "train", "valid": "val", "val": "val", "test": "test"}.get(path.stem.lower())
        for row in rows:
            why = _why_not(row, options)
            if why is not None:
                left_out[why] += 1
                continue
            image = _find(folder, path.parent, row[_PATH])
            case = _case(row, image, split, options, path)
            if image is None:
                missing.append(case.id)
            else:
                cases.append(case)
    if not cases:
        raise InputError("no image of the tables exists", where=folder, fix="put the images where the column Path says")
    notes = [f"uncertain labels: {options.uncertain}; findings not mentioned: {options.blank}"]
    notes += listed({"missing images": missing})
    notes += [f"rows {why}, left out: {count}" for why, count in left_out.items()]
    return Cohort(tuple(cases), folder, tuple(notes))


def _why_not(row: dict[str, str], options: ChexpertOptions) -> str | None:
    """Return why a row is left out; None where it is kept."""
    if options.frontal and row.get("Frontal/Lateral", "Frontal") != "Frontal":
        return "of other than frontal views (frontal=false keeps them)"
    return None if row[_PATH] else "without a path"


def _rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table of this form, with the columns in the capitals of CheXpert; none of another table."""
    known = {name.lower(): name for name in (_PATH, *_FACTS)}
    if _PATH.lower() not in [name.lower() for name in header(path)]:
        return []
    rows = read_text_table(path).rows()
    return [{known.get(name.lower(), name): cell for name, cell in row.items() if name} for row in rows]


def _find(folder: Path, home: Path, path: str) -> str | None:
    """Return the path from the folder; the first parts of a path in the table may be missing on disk."""
    parts = (path if (folder / path).exists() else path.replace("\\", "/")).split("/")
    for start in range(min(3, len(parts))):
        for root in (folder, home):
            target = root.joinpath(*parts[start:])
            if target.is_file() and target.is_relative_to(folder):
                return target.relative_to(folder).as_posix()
    return None


def _case(row: dict[str, str], image: str | None, split: str | None, options: ChexpertOptions, table: Path) -> Case:
    path = row[_PATH].replace("\\", "/")
    place = _PLACE.search(path)
    facts: dict[str, Fact] = {name: number_or_text(row[key]) for key, name in _FACTS.items() if row.get(key)}
    columns = [name for name in row if name not in _FACTS and name != _PATH]
    labels = {name: _label(row[name], options, table) for name in columns}
    name = f"{place['patient']}-{place['study']}-{stem(Path(path))}" if place else stem(Path(path))
    return Case(
        id=name if split is None else f"{split}-{name}",
        patient=place["patient"] if place else None,
        study=f"{place['patient']}/{place['study']}" if place else None,
        images={IMAGE: image or path},
        labels={key: value for key, value in labels.items() if value is not None},
        facts=facts,
        split=split,
    )


def _label(cell: str, options: ChexpertOptions, table: Path) -> float | None:
    if not cell:
        return 0.0 if options.blank == "zeros" else None
    try:
        value = number_in(cell)
    except ValueError as error:
        raise InputError(f"label {cell!r} is not a number", where=table, fix="write 1, 0, -1 or nothing") from error
    if math.isnan(value):
        return None
    if value == _UNCERTAIN:
        return {"ones": 1.0, "zeros": 0.0, "ignore": None}[options.uncertain]
    return value
