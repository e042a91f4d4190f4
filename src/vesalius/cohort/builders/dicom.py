"""Folders of DICOM: one case for each series, wherever its instances lie.

Patient and study are written as pseudonyms (the beginning of a SHA-256), enough to keep a patient together, unless
identifiers are to be kept.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from vesalius.cohort.builders.files import example, expected, files_below, relative
from vesalius.cohort.case import IMAGE, Case, Fact
from vesalius.cohort.cohort import Cohort
from vesalius.config import Config
from vesalius.errors import InputError
from vesalius.files import regular

_TAGS = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "Modality", "SeriesNumber", "Rows")


class DicomOptions(Config):
    """What of the headers comes into the manifest."""

    keep_identifiers: bool = Field(default=False, description="PatientID and study UID as they are, no pseudonyms")
    modality: str | None = Field(default=None, description="only series of this modality, as CT")


@dataclass(frozen=True)
class Instance:
    """What tells where a file belongs; texts, "" where missing."""

    path: Path
    patient: str
    study: str
    series: str
    uid: str
    modality: str
    number: str


def build(folder: Path, options: DicomOptions) -> Cohort:
    """One case for each series.

    Raises:
        InputError: no DICOM picture below the folder.
    """
    series: dict[str, list[Instance]] = defaultdict(list)
    instances, lost = read_instances(files_below(folder))
    for one in instances:
        if options.modality in (None, one.modality):
            series[one.series or str(one.path.parent)].append(one)
    if not series and lost:
        raise lost[0][1]
    if not series:
        raise expected("DICOM", "no picture of that kind below it", folder)
    cases = []
    for number, some in enumerate(sorted(series.values(), key=lambda some: min(one.path for one in some)), 1):
        cases.append(series_case(f"series-{number:05d}", some, folder, keep=options.keep_identifiers))
    notes = [] if options.keep_identifiers else [PSEUDONYMS]
    notes += lost_notes(lost, folder)
    unknown = [case.id for case in cases if case.patient is None]
    if unknown:
        notes.append(f"without a patient id: {example(unknown)}")
    return Cohort(tuple(cases), folder, tuple(notes))


PSEUDONYMS = "patients and studies are pseudonyms; keep_identifiers=true writes them as they are"


def series_case(
    name: str, instances: list[Instance], folder: Path, *, keep: bool, labels: dict[str, float] | None = None
) -> Case:
    """The case of one series."""
    first = min(instances, key=lambda one: one.path)
    alone = len(instances) == 1
    home = first.path if alone else Path(os.path.commonpath([one.path.parent for one in instances]))
    facts: dict[str, Fact] = {"modality": first.modality, "instances": len(instances)}
    if first.number:
        facts["series_number"] = first.number
    return Case(
        id=name,
        patient=identity(first.patient, keep=keep),
        study=identity(first.study, keep=keep),
        series=None if alone else first.series or None,
        images={IMAGE: relative(home, folder)},
        labels=labels or {},
        facts={key: value for key, value in facts.items() if value},
    )


def identity(text: str, *, keep: bool) -> str | None:
    """An identifier, or its pseudonym; None where there is none."""
    if not text:
        return None
    return text if keep else "p-" + hashlib.sha256(text.encode()).hexdigest()[:12]


def lost_notes(lost: Sequence[tuple[Path, InputError]], folder: Path) -> list[str]:
    """A line about files that are left out because they cannot be read; none where there is no such file."""
    if not lost:
        return []
    first, error = lost[0]
    names = example([relative(path, folder) for path, _ in lost])
    return [f"left out, as they cannot be read: {names}; {first.name} {error.what}"]


def read_instances(paths: Iterable[Path]) -> tuple[list[Instance], list[tuple[Path, InputError]]]:
    """The DICOM pictures among some files, and what ought to be one and cannot be read; only headers are read."""
    from vesalius.scan.dicom_lost import Strangers
    from vesalius.scan.open import strange

    found: list[Instance] = []
    lost: list[tuple[Path, InputError]] = []
    strangers = Strangers()
    for path in paths:
        try:
            instance = strangers.read(path, _instance)
        except InputError as error:
            lost.append((path, error))
            continue
        if instance is not None:
            found.append(instance)
    named, others = strangers.divide([one.path for one in found])
    archives = [(path, reason) for path in others if (reason := strange(path, alone=False)) is not None]
    return found, sorted([*lost, *named, *archives], key=lambda one: one[0])


def _instance(path: Path) -> Instance | None:
    """Raises InputError where a picture is damaged in its header."""
    from pydicom import dcmread

    from vesalius.scan.dicom_header import read_instance
    from vesalius.scan.dicom_values import quiet

    try:
        with quiet():
            data = dcmread(regular(path), stop_before_pixels=True, specific_tags=list(_TAGS), force=True)
            words = {tag: _text(data, tag) for tag in _TAGS}
    except Exception:  # damaged headers raise anything
        words = {}
    if not words.get("Rows"):
        read_instance(path)  # says why, where it ought to hold a picture
        return None
    return Instance(
        path,
        words["PatientID"],
        words["StudyInstanceUID"],
        words["SeriesInstanceUID"],
        words["SOPInstanceUID"],
        words["Modality"] or "unknown",
        words["SeriesNumber"],
    )


def _text(data: Any, tag: str) -> str:
    value = data.get(tag)
    return "" if value is None else str(value).strip()
