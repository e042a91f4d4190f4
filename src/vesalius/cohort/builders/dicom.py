"""Folders of DICOM: one case for each series, wherever its instances lie.

Patient and study are written as pseudonyms (the beginning of a SHA-256), enough to keep a patient together, unless
identifiers are to be kept. The SeriesInstanceUID by which the instances are found again is written as it is, or as the
keyed hash that stands for it in `.vsl` files too.
"""

from __future__ import annotations

import hashlib
import hmac
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
from vesalius.scan.uid_key import uid_key

_TAGS = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "Modality", "SeriesNumber", "Rows")


class DicomOptions(Config):
    """What of the headers comes into the manifest."""

    keep_identifiers: bool = Field(default=False, description="PatientID and study UID as they are, no pseudonyms")
    hash_uids: bool = Field(
        default=False, description="series UID and pseudonyms as keyed hashes, which need the key of this user"
    )
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
    found, broken = read_instances(files_below(folder))
    series: dict[str, list[Instance]] = defaultdict(list)
    for one in found:
        if options.modality in (None, one.modality):
            series[one.series or str(one.path.parent)].append(one)
    if not series:
        raise expected("DICOM", "no picture of that kind below it", folder)
    key = uid_key() if options.hash_uids else None
    cases = []
    for number, instances in enumerate(sorted(series.values(), key=lambda some: min(one.path for one in some)), 1):
        name = f"series-{number:05d}"
        cases.append(series_case(name, instances, folder, keep=options.keep_identifiers, key=key))
    notes = instance_notes([one for some in series.values() for one in some], broken, folder, options.keep_identifiers)
    unknown = [case.id for case in cases if case.patient is None]
    if unknown:
        notes.append(f"without a patient id: {example(unknown)}")
    if key is None and any(case.series for case in cases):
        notes.append("series UIDs stand in it as they are; hash_uids=true writes keyed hashes")
    return Cohort(tuple(cases), folder, tuple(notes))


def instance_notes(instances: Iterable[Instance], broken: Sequence[Path], folder: Path, keep: bool) -> list[str]:
    """What should be known of any folder of DICOM."""
    notes = [] if keep else ["patients and studies are pseudonyms; keep_identifiers=true writes them as they are"]
    if broken:
        names = example([relative(path, folder) for path in broken])
        notes.append(f"DICOM files that are damaged or hold no picture, left out: {names}")
    patients: dict[str, set[str]] = defaultdict(set)
    for one in instances:
        if one.series:
            patients[one.series].add(one.patient)
    mixed = sum(len(names) > 1 for names in patients.values())
    if mixed:
        notes.append(f"series whose instances name several patients, filed under that of the first file: {mixed}")
    return notes


def series_case(
    name: str,
    instances: list[Instance],
    folder: Path,
    *,
    keep: bool,
    labels: dict[str, float] | None = None,
    key: bytes | None = None,
) -> Case:
    """The case of one series; with a key its UID is hashed."""
    first = min(instances, key=lambda one: one.path)
    alone = len(instances) == 1
    home = first.path if alone else Path(os.path.commonpath([one.path.parent for one in instances]))
    facts: dict[str, Fact] = {"modality": first.modality, "instances": len(instances)}
    if first.number:
        facts["series_number"] = first.number
    uid = first.series
    if uid and key is not None:
        from vesalius.scan.dicom_privacy import remapped_uid

        uid = remapped_uid(uid, key)
    return Case(
        id=name,
        patient=identity(first.patient, keep=keep, key=key),
        study=identity(first.study, keep=keep, key=key),
        series=None if alone else uid or None,
        images={IMAGE: relative(home, folder)},
        labels=labels or {},
        facts={key: value for key, value in facts.items() if value},
    )


def identity(text: str, *, keep: bool, key: bytes | None = None) -> str | None:
    """An identifier, or its pseudonym, keyed where there is a key; None where there is none."""
    if not text or keep:
        return text or None
    found = hmac.new(key, text.encode(), hashlib.sha256) if key else hashlib.sha256(text.encode())
    return "p-" + found.hexdigest()[:12]


def read_instances(paths: Iterable[Path]) -> tuple[list[Instance], list[Path]]:
    """The DICOM pictures among some files, and DICOM files that are none; only headers are looked at."""
    from pydicom import dcmread

    from vesalius.scan.dicom_series import may_be_dicom
    from vesalius.scan.dicom_values import quiet

    found, broken = [], []
    for path in paths:
        if not may_be_dicom(path):
            continue
        try:
            with quiet():
                data = dcmread(path, stop_before_pixels=True, specific_tags=list(_TAGS), force=True)
                words = {tag: _text(data, tag) for tag in _TAGS}
        except Exception:  # damaged headers raise anything
            words = dict.fromkeys(_TAGS, "")
        if not words["Rows"]:
            broken.append(path)
        else:
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
    return found, broken


def _text(data: Any, tag: str) -> str:
    value = data.get(tag)
    return "" if value is None else str(value).strip()
