"""Shards in the WebDataset convention: uncompressed tar files whose members KEY.EXT belong to one sample.

Shards of `vesalius cohort shard` hold all fields of a case in KEY.json. In shards of other origin

- an image is a member with the suffix of a picture, volume, DICOM file or array (rows first, then columns and colours);
  of several, each is named by its EXT without that suffix ("t1" of t1.nii.gz), or by the suffix alone,
- a member mask.SUFFIX or seg.SUFFIX is a mask,
- .cls is the number of the class: a label "positive" where there are two classes, else "class0", "class1", ...,
- .txt is the caption,
- .json is an object: `labels` (class -> 0, 1 or a probability), `patient` or `patient_id`, `study`, `split`, `fold`,
  `caption`; other single values are facts.

A split that no field names is that of the file's name: train, val (or valid) or test before the first "-".
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vesalius.cohort.builders.class_number import class_labels
from vesalius.cohort.builders.files import SCANS, SPLITS, expected, files_below, listed, relative
from vesalius.cohort.case import IMAGE, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.item import TarMember
from vesalius.cohort.json_line import json_object
from vesalius.cohort.tar import TAR, read_member, spans
from vesalius.errors import ConfigError, InputError

_NAME = re.compile(r"(?P<key>(?:.*/)?[^./]+)\.(?P<ext>[^/]+)")
_IMAGES = (*SCANS, ".img", ".img.gz", ".npy", ".npz", ".dcm")
_MASKS = ("mask", "seg")
_FIELDS = {"patient": "patient", "patient_id": "patient", "study": "study", "fold": "fold"}
"""Key of a JSON member of other origin -> field of a case."""


@dataclass(frozen=True)
class _Sample:
    """The members of one key: extension -> name, in the order of the file."""

    tar: Path
    key: str
    names: dict[str, str] = field(default_factory=dict)

    def of(self, ending: str) -> str | None:
        """Return the name of the member with an extension, None where there is none."""
        return next((name for ext, name in self.names.items() if ext.lower() == ending), None)

    def text(self, ending: str) -> str | None:
        """Return the text of a member, None where there is none."""
        name = self.of(ending)
        if name is None:
            return None
        try:
            return read_member(self.tar, name).decode()
        except UnicodeDecodeError as error:
            raise InputError("is not UTF-8 text", where=f"{self.tar}#{name}") from error


def build(folder: Path) -> Cohort:
    """Return one case for each key of the tar files below a folder (or of one tar file).

    Raises:
        InputError: no tar file, a damaged one, or a member that holds no field of a case.
    """
    return read_shards([folder])[folder]


def read_shards(places: Iterable[Path]) -> dict[Path, Cohort]:
    """Return the cohort of each folder or tar file, with names of classes and cases that hold for all of them.

    Raises as `build` does.
    """
    samples = {place: _below(place) for place in places}
    numbers = {id(sample): _class(sample) for every in samples.values() for sample in every}
    known = sorted({number for number in numbers.values() if number is not None})
    counts = Counter(sample.key for every in samples.values() for sample in every)
    cohorts = {}
    for place, every in samples.items():
        home = place if place.is_dir() else place.parent
        cases, left_out = [], []
        for sample in every:
            number = numbers[id(sample)]
            labels = {} if number is None else class_labels(number, known)
            case = _case(sample, home, labels, alone=counts[sample.key] == 1)
            if case is None:
                left_out.append(sample.key)
            else:
                cases.append(case)
        if not cases:
            raise expected("WebDataset", "no key has an image", place)
        cohorts[place] = Cohort(tuple(cases), home, tuple(listed({"keys without an image, left out": left_out})))
    return cohorts


def _below(place: Path) -> list[_Sample]:
    tars = list(files_below(place, (TAR,))) if place.is_dir() else [place]
    samples = [sample for tar in tars for sample in _samples(tar)]
    if not samples:
        raise expected("WebDataset", "no tar file with members KEY.EXT", place)
    return samples


def _samples(tar: Path) -> Iterator[_Sample]:
    """Yield the samples of a shard; members without an extension, and hidden ones, are skipped."""
    groups: dict[str, _Sample] = {}
    for name in spans(tar):
        match = _NAME.fullmatch(name)
        if match is None or ".." in name.split("/") or name.startswith("/"):
            continue
        sample = groups.setdefault(match["key"], _Sample(tar, match["key"]))
        sample.names[match["ext"]] = name
    yield from groups.values()


def _class(sample: _Sample) -> int | None:
    text = sample.text("cls")
    if text is None:
        return None
    try:
        return int(text)
    except ValueError as error:
        raise InputError("is not the number of a class", where=f"{sample.tar}#{sample.of('cls')}") from error


def _case(sample: _Sample, home: Path, labels: dict[str, float], *, alone: bool) -> Case | None:
    """Return a sample as a case; None where it has no image."""
    where = f"{sample.tar}#{sample.of('json')}"
    try:
        text = sample.text("json")
        fields: dict[str, Any] = {} if text is None else json_object(text)
        if isinstance(fields.get("images"), dict) and "id" in fields:
            return Case.parse(_with_paths(fields, sample, home))
        images, masks = _scans(sample, home)
        if not images:
            return None
        fields = _fields(fields)
        stated = SPLITS.get(sample.tar.name.partition("-")[0].lower())
        return Case.parse(
            {"split": stated, "caption": sample.text("txt"), **fields}
            | {"id": sample.key if alone else f"{sample.tar.stem}/{sample.key}"}
            | {"images": images, "masks": masks, "labels": labels | fields.get("labels", {})}
        )
    except ConfigError as error:
        raise InputError(f"holds no fields of a case: {error}", where=where) from error


def _with_paths(fields: dict[str, Any], sample: _Sample, home: Path) -> dict[str, Any]:
    """Return the fields that `vesalius cohort shard` wrote, with paths of members in place of their extensions."""
    changed = dict(fields)
    for key in ("images", "masks"):
        paths = fields.get(key, {})
        if not isinstance(paths, dict) or not all(isinstance(ext, str) for ext in paths.values()):
            raise ConfigError("is not a table of members", where=key)
        changed[key] = {name: _path(sample, home, f"{sample.key}.{ext}") for name, ext in paths.items()}
    return changed


def _scans(sample: _Sample, home: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return images and masks by name."""
    images: dict[str, str] = {}
    masks: dict[str, str] = {}
    for ext, name in sample.names.items():
        ending = max((end for end in _IMAGES if f".{ext}".lower().endswith(end)), key=len, default="")
        if not ending:
            continue
        label = ext[: -len(ending)]  # "" where the extension is the suffix alone
        target = masks if label.lower() in _MASKS else images
        target[label or ext] = _path(sample, home, name)
    return (dict(zip([IMAGE], images.values(), strict=True)) if len(images) == 1 else images), masks


def _fields(stated: dict[str, Any]) -> dict[str, Any]:
    """Return fields of a case from the JSON of other origin."""
    fields: dict[str, Any] = defaultdict(dict)
    for key, value in stated.items():
        if key in _FIELDS:
            field_name = _FIELDS[key]
            fields[field_name] = value if field_name == "fold" or value is None else str(value)
        elif key == "split" and value is not None:
            fields[key] = SPLITS.get(str(value).lower(), str(value))
        elif key in ("labels", "caption"):
            fields[key] = value
        elif isinstance(value, str | int | float | bool):
            fields["facts"][key] = value
    if not isinstance(fields.get("labels", {}), dict):
        raise ConfigError("is not a table of classes", where="labels")
    return dict(fields)


def _path(sample: _Sample, home: Path, name: str) -> str:
    return f"{relative(sample.tar, home)}#{TarMember(name).text}"
