"""Folders of DICOM: one case for each series, wherever its instances lie, and one for each radiograph.

The pictures of a series of radiographs are different views, so each is a case, with the facts view, laterality, age (in
years) and sex of its header.

Patient and study are written as pseudonyms (the beginning of a SHA-256), enough to keep a patient together, unless
`keep_identifiers` is set. The SeriesInstanceUID, needed to find the instances again, is written unchanged, or as the
keyed hash that `.vsl` files use too.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field

from vesalius.cohort.builders.files import OtherLayoutError, example, expected, files_below, listed, relative
from vesalius.cohort.builders.findings import age_years
from vesalius.cohort.case import IMAGE, Case, Fact
from vesalius.cohort.cohort import Cohort
from vesalius.config import Config
from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.scan.dicom.series import RADIOGRAPHS
from vesalius.scan.uid_key import uid_key

_TAGS = (
    *("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "Modality", "SeriesNumber", "Rows"),
    *("ViewPosition", "ImageLaterality", "Laterality", "PatientAge", "PatientSex"),
)
_CODE = re.compile("[A-Z]{1,8}")
"""View positions, sides and sexes; free text may say anything."""


class DicomOptions(Config):
    """Facts of the headers that the manifest gets."""

    keep_identifiers: bool = Field(default=False, description="keep PatientID and study UID, write no pseudonyms")
    hash_uids: bool = Field(
        default=False, description="series UID and pseudonyms as keyed hashes, which need the key of this user"
    )
    modality: str | None = Field(default=None, description="only series of this modality, such as CT")


@dataclass(frozen=True)
class Instance:
    """The facts that assign a file to a series, "" where missing; `facts` are those of a radiograph."""

    path: Path
    patient: str
    study: str
    series: str
    uid: str
    modality: str
    number: str
    facts: Mapping[str, Fact] = field(default_factory=dict, hash=False)


def build(folder: Path, options: DicomOptions) -> Cohort:
    """Return one case for each series, one for each instance where it holds radiographs.

    Raises:
        InputError: no DICOM picture below the folder.
    """
    instances, broken = read_instances(files_below(folder))
    instances = [instance for instance in instances if options.modality in (None, instance.modality)]
    if not instances and broken:
        error = broken[0][1]
        raise OtherLayoutError(error.what, where=error.where, fix=error.fix) from error
    if not instances:
        raise expected("DICOM", "no picture of that kind below it", folder)
    key = uid_key() if options.hash_uids else None
    cases = []
    for number, members in enumerate(by_series(instances), 1):
        name = f"series-{number:05d}"
        parts = [[instance] for instance in members] if members[0].modality in RADIOGRAPHS else [members]
        names = [name] if len(parts) == 1 else [f"{name}-{place}" for place in range(1, len(parts) + 1)]
        for name, part in zip(names, parts, strict=True):
            cases.append(series_case(name, part, folder, keep=options.keep_identifiers, key=key))
    notes = instance_notes(instances, broken, folder, options.keep_identifiers)
    notes += listed({"without a patient id": [case.id for case in cases if case.patient is None]})
    if key is None and any(case.series for case in cases):
        notes.append("the manifest holds series UIDs unchanged; hash_uids=true writes keyed hashes")
    return Cohort(tuple(cases), folder, tuple(notes))


def by_series(
    instances: Iterable[Instance], study_of: Callable[[Instance], str] = lambda _: ""
) -> list[list[Instance]]:
    """Return the instances of each series (of each study and series), in the order of their first paths."""
    series: dict[tuple[str, str], list[Instance]] = defaultdict(list)
    for instance in instances:
        series[study_of(instance), instance.series or str(instance.path.parent)].append(instance)
    return sorted(series.values(), key=lambda members: min(instance.path for instance in members))


def instance_notes(
    instances: Iterable[Instance], broken: Sequence[tuple[Path, InputError]], folder: Path, keep: bool
) -> list[str]:
    """Return notes that apply to any folder of DICOM."""
    notes = [] if keep else ["patients and studies are pseudonyms; keep_identifiers=true writes the identifiers"]
    if broken:
        first, error = broken[0]
        names = example([relative(path, folder) for path, _ in broken])
        notes.append(f"unreadable files, left out: {names}; {first.name} {error.what}")
    patients: dict[str, set[str]] = defaultdict(set)
    for instance in instances:
        if instance.series:
            patients[instance.series].add(instance.patient)
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
    """Return the case of one series; a key hashes its UID."""
    first = min(instances, key=lambda instance: instance.path)
    alone = len(instances) == 1
    home = first.path if alone else Path(os.path.commonpath([instance.path.parent for instance in instances]))
    facts: dict[str, Fact] = {"modality": first.modality, "instances": len(instances), **first.facts}
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
    """Return an identifier, or its pseudonym (keyed if a key is given); None for an empty text."""
    if not text or keep:
        return text or None
    hashed = hmac.new(key, text.encode(), hashlib.sha256) if key else hashlib.sha256(text.encode())
    return "p-" + hashed.hexdigest()[:12]


def read_instances(paths: Iterable[Path]) -> tuple[list[Instance], list[tuple[Path, InputError]]]:
    """Return the DICOM pictures among some files, and unreadable files with the error; only headers are read."""
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
    named, others = strangers.divide([instance.path for instance in found])
    archives = [(path, reason) for path in others if (reason := strange(path, alone=False)) is not None]
    return found, sorted([*lost, *named, *archives], key=lambda failure: failure[0])


def _instance(path: Path) -> Instance | None:
    """Read the header; raise InputError where that of a picture is damaged."""
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
        read_instance(path)  # raises with the reason if the file should hold a picture
        return None
    return Instance(
        path,
        words["PatientID"],
        words["StudyInstanceUID"],
        words["SeriesInstanceUID"],
        words["SOPInstanceUID"],
        words["Modality"] or "unknown",
        words["SeriesNumber"],
        _radiograph(words) if words["Modality"] in RADIOGRAPHS else {},
    )


def _radiograph(words: Mapping[str, str]) -> dict[str, Fact]:
    """Return the facts of a radiograph that are coded; the side of the image counts before that of the series."""
    stated = {
        "view": words["ViewPosition"],
        "laterality": words["ImageLaterality"] or words["Laterality"],
        "sex": words["PatientSex"],
    }
    facts: dict[str, Fact] = {name: word for name, word in stated.items() if _CODE.fullmatch(word)}
    age = age_years(words["PatientAge"])
    return facts if age is None else {**facts, "age": age}


def _text(data: Any, tag: str) -> str:
    value = data.get(tag)
    return "" if value is None else str(value).strip()
