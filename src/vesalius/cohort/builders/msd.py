"""Medical Segmentation Decathlon (Antonelli et al. 2022, doi:10.1038/s41467-022-30695-9): dataset.json."""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import Any

from pydantic import Field

from vesalius.cohort.builders.files import expected, listed, named_part, on_disk, read_json, stem, unknown_patients
from vesalius.cohort.case import IMAGE, MASK, Case
from vesalius.cohort.cohort import Cohort
from vesalius.config import Config
from vesalius.errors import InputError

DATASET = "dataset.json"


class MsdOptions(Config):
    """How patients are found."""

    patient: str | None = Field(
        default=None, description='regular expression for the patient in a file name, as "(?P<patient>[^_]+)_"'
    )


def build(folder: Path, options: MsdOptions) -> Cohort:
    """Return the cases of dataset.json: training as split train, test as split test.

    Raises:
        InputError: no dataset.json of this form.
    """
    if not (folder / DATASET).is_file():
        raise expected("MSD", f"no {DATASET} in it", folder)
    dataset = read_json(folder / DATASET)
    if not isinstance(dataset, dict) or not isinstance(dataset.get("training"), list):
        raise expected("MSD", f"{DATASET} has no list 'training'", folder)
    modality = dataset.get("modality")
    channels = isinstance(modality, dict | list) and len(modality) > 1
    cases: list[Case] = []
    missing: list[Case] = []
    rows = [("train", row) for row in dataset["training"]]
    rows += [("test", row) for row in tests] if isinstance(tests := dataset.get("test"), list) else []
    for split, row in rows:
        case = _case(folder, split, row, options, channels=channels)
        (cases if (folder / case.images[IMAGE]).exists() else missing).append(case)
    if not cases:
        raise InputError("lists no image that exists", where=folder / DATASET, fix="unpack the images beside it")
    lost = [case.id for case in cases for mask in case.masks.values() if not (folder / mask).exists()]
    notes = _class_notes(dataset.get("labels"))
    notes += listed({"missing images": [case.id for case in missing], "missing masks": lost})
    notes += unknown_patients(cases, options.patient)
    return Cohort(tuple(cases), folder, tuple(notes))


def _case(folder: Path, split: str, row: Any, options: MsdOptions, *, channels: bool) -> Case:
    row = {"image": row} if isinstance(row, str) else row
    if not isinstance(row, dict) or not isinstance(row.get("image"), str) or not row["image"]:
        raise InputError(f"an entry is {str(row)[:60]!r}, not an image with a label", where=folder / DATASET)
    image = posixpath.normpath(on_disk(folder, row["image"]))
    mask = row.get("label")
    name = stem(Path(image))
    return Case(
        id=name,
        patient=named_part(options.patient, name, "patient"),
        images={IMAGE: image},
        masks={MASK: posixpath.normpath(on_disk(folder, mask))} if isinstance(mask, str) else {},
        fourth_axis="channel" if channels else "time",
        split=split,
    )


def _class_notes(labels: Any) -> list[str]:
    if not isinstance(labels, dict):
        return []
    return ["mask values: " + ", ".join(f"{value} {name}" for value, name in labels.items())]
