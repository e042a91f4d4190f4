"""Folders of DICOM: one case for each series, wherever its instances lie.

Patient and study are written as pseudonyms (the beginning of a SHA-256), enough to keep a patient together, unless
identifiers are to be kept.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from vesalius.cohort.builders.files import example, expected, files_below, relative
from vesalius.cohort.case import IMAGE, Case, Fact
from vesalius.cohort.cohort import Cohort
from vesalius.config import Config
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
    for one in read_instances(files_below(folder)):
        if options.modality in (None, one.modality):
            series[one.series or str(one.path.parent)].append(one)
    if not series:
        raise expected("DICOM", "no picture of that kind below it", folder)
    cases = []
    for number, instances in enumerate(sorted(series.values(), key=lambda some: min(one.path for one in some)), 1):
        cases.append(series_case(f"series-{number:05d}", instances, folder, keep=options.keep_identifiers))
    notes = [] if options.keep_identifiers else [PSEUDONYMS]
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


def read_instances(paths: Iterable[Path]) -> list[Instance]:
    """The DICOM pictures among some files; only their headers are read."""
    from pydicom import dcmread

    from vesalius.scan.dicom_series import may_be_dicom
    from vesalius.scan.dicom_values import quiet

    found = []
    for path in paths:
        if not may_be_dicom(path):
            continue
        try:
            with quiet():
                data = dcmread(regular(path), stop_before_pixels=True, specific_tags=list(_TAGS), force=True)
                words = {tag: _text(data, tag) for tag in _TAGS}
        except Exception:  # damaged headers raise anything; the audit tells
            continue
        if words["Rows"]:
            found.append(
                Instance(
                    path,
                    words["PatientID"],
                    words["StudyInstanceUID"],
                    words["SeriesInstanceUID"],
                    words["SOPInstanceUID"],
                    words["Modality"] or "unknown",
                    words["SeriesNumber"],
                )
            )
    return found


def _text(data: Any, tag: str) -> str:
    value = data.get(tag)
    return "" if value is None else str(value).strip()
