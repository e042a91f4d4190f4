"""MIMIC-CXR-JPG and MIMIC-CXR (Johnson et al. 2019, arXiv:1901.07042): labels of studies, views and splits of pictures.

Tables, gzipped or not, of any version: `*-metadata.csv` (dicom_id, subject_id, study_id, ViewPosition, ...),
`*-split.csv`, `*-chexpert.csv` or `*-negbio.csv`; also `patients.csv` of MIMIC-IV for sex and age (anchor_age counted
on from anchor_year to StudyDate, both shifted alike). A picture lies at files/p10/p10000032/s50414267/DICOM_ID.jpg or
.dcm.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from vesalius.cohort.builders.files import SPLITS, example, expected, files_below, listed, relative
from vesalius.cohort.builders.findings import FindingOptions, known_labels, sex
from vesalius.cohort.case import IMAGE, Case, Fact
from vesalius.cohort.cohort import Cohort
from vesalius.csv_table import header, read_text_table
from vesalius.errors import InputError

_PICTURE, _PATIENT, _STUDY, _VIEW = "dicom_id", "subject_id", "study_id", "ViewPosition"
_FRONTAL = ("AP", "PA")
"""Beginning of the view positions that are frontal."""
_SUFFIXES = (".jpg", ".dcm", ".png")


class MimicCxrOptions(FindingOptions):
    """Options of the table of labels."""

    labels: Literal["chexpert", "negbio"] = Field(default="chexpert", description="labeller whose table is read")


def build(folder: Path, options: MimicCxrOptions) -> Cohort:
    """Return one case for each picture of the metadata (or, without it, of the splits) that is on disk.

    Raises:
        InputError: no such table, two of one kind, a label that is not 1, 0 or -1, or no picture on disk.
    """
    tables = {path: header(path) for path in files_below(folder, (".csv", ".csv.gz"))}
    metadata = _one(tables, (_PICTURE, _PATIENT, _STUDY, _VIEW))
    split = _one(tables, (_PICTURE, _PATIENT, _STUDY, "split"))
    labels = _one({path: columns for path, columns in tables.items() if options.labels in path.name.lower()}, (_STUDY,))
    pictures = metadata or split
    if pictures is None or labels is None:
        columns = f"metadata ({_PICTURE}, {_PATIENT}, {_STUDY}, {_VIEW})"
        missing = columns if pictures is None else f"labels of {options.labels}"
        raise expected("MIMIC-CXR", f"no table of {missing}", folder)
    people = _one(tables, (_PATIENT, "gender", "anchor_age"))
    splits = {row[_PICTURE]: SPLITS.get(row["split"]) for row in _rows(split)}
    patients = {row[_PATIENT]: row for row in _rows(people)}
    findings = {row[_STUDY]: known_labels(_findings(row), options, labels) for row in _rows(labels)}
    cases: list[Case] = []
    missing_images: list[str] = []
    left_out = Counter[str]()
    for row in _rows(pictures):
        view = row.get(_VIEW, "")
        if options.frontal and metadata is not None and not view.startswith(_FRONTAL):
            left_out[f"of {'other than frontal' if view else 'unknown'} views (frontal=false keeps them)"] += 1
            continue
        image = _find(folder, row)
        if image is None:
            missing_images.append(row[_PICTURE])
            continue
        cases.append(
            Case(
                id=row[_PICTURE],
                patient=f"p{row[_PATIENT]}",
                study=f"s{row[_STUDY]}",
                images={IMAGE: image},
                labels=findings.get(row[_STUDY], {}),
                facts=_facts(row, patients.get(row[_PATIENT], {})),
                split=splits.get(row[_PICTURE]),
            )
        )
    if not cases:
        fix = "put them where MIMIC-CXR has them: files/p10/p10000032/s50414267/..."
        raise InputError("no picture of the tables exists", where=folder, fix=fix)
    notes = [options.note, *listed({"missing images": missing_images})]
    notes += [f"rows {why}, left out: {count}" for why, count in left_out.items()]
    notes += listed({"without labels of their study": [case.id for case in cases if not case.labels]})
    if metadata is None:
        notes.append("no table of metadata: views are unknown, so all are kept")
    return Cohort(tuple(cases), folder, tuple(notes))


def _one(tables: Mapping[Path, tuple[str, ...]], columns: tuple[str, ...]) -> Path | None:
    """Return the table with these columns, None without one."""
    fitting = [path for path, names in tables.items() if set(columns) <= set(names)]
    if len(fitting) > 1:
        what = f"holds several tables with {', '.join(columns)}: {example([path.name for path in fitting])}"
        raise InputError(what, where=fitting[0].parent, fix="leave one of them")
    return fitting[0] if fitting else None


def _rows(path: Path | None) -> list[dict[str, str]]:
    return [] if path is None else read_text_table(path).rows()


def _findings(row: dict[str, str]) -> dict[str, str]:
    return {name: cell for name, cell in row.items() if name and name not in (_PATIENT, _STUDY)}


def _find(folder: Path, row: dict[str, str]) -> str | None:
    """Return the path of a picture from the folder, which may be above `files` or `files` itself."""
    patient = f"p{row[_PATIENT]}"
    place = Path(patient[:3], patient, f"s{row[_STUDY]}", row[_PICTURE])
    for root in (folder / "files", folder):
        for suffix in _SUFFIXES:
            path = root / f"{place}{suffix}"
            if path.is_file():
                return relative(path, folder)
    return None


def _facts(row: dict[str, str], person: dict[str, str]) -> dict[str, Fact]:
    view = row.get(_VIEW, "")
    facts: dict[str, Fact] = {"view": view} if view else {}
    if view.startswith(_FRONTAL):
        facts["projection"] = "Frontal"
    elif view == "LL" or "LATERAL" in view:  # others are oblique or of another part of the body
        facts["projection"] = "Lateral"
    known = sex(person.get("gender", ""))
    if known is not None:
        facts["sex"] = known
    numbers = [person.get("anchor_age", ""), row.get("StudyDate", "")[:4], person.get("anchor_year", "")]
    if all(number.isdecimal() for number in numbers):
        age, year, anchor = map(int, numbers)
        facts["age"] = age + year - anchor
    return facts
