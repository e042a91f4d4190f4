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
from vesalius.errors import InputError
from vesalius.files import regular
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
    if not series and broken:
        raise broken[0][1]
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


def instance_notes(
    instances: Iterable[Instance], broken: Sequence[tuple[Path, InputError]], folder: Path, keep: bool
) -> list[str]:
    """What should be known of any folder of DICOM."""
    notes = [] if keep else ["patients and studies are pseudonyms; keep_identifiers=true writes them as they are"]
    if broken:
        first, error = broken[0]
        names = example([relative(path, folder) for path, _ in broken])
        notes.append(f"left out, as they cannot be read: {names}; {first.name} {error.what}")
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
        from vesalius.scan.dicom.privacy import remapped_uid

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


def read_instances(paths: Iterable[Path]) -> tuple[list[Instance], list[tuple[Path, InputError]]]:
    """The DICOM pictures among some files, and what ought to be one and cannot be read; only headers are looked at."""
    from vesalius.scan.dicom.lost import Strangers
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

    from vesalius.scan.dicom.header import read_instance
    from vesalius.scan.dicom.values import quiet

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
