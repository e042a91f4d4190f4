"""A plain folder of pictures or volumes, one case for each file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path, PurePosixPath

from pydantic import Field, model_validator

from vesalius.cohort.builders.files import (
    SCANS,
    SPLITS,
    expected,
    files_below,
    listed,
    named_part,
    relative,
    stem,
    unknown_patients,
)
from vesalius.cohort.case import IMAGE, Case
from vesalius.cohort.cohort import Cohort
from vesalius.config import Config


class ImagesOptions(Config):
    """Facts to read from the paths."""

    patient: str | None = Field(
        default=None, description='regular expression for the patient in the path, as "(?P<patient>[^/]+)/"'
    )
    label_from_folder: bool = Field(default=False, description="the folder of a file is its class")
    label: str | None = Field(
        default=None, description='regular expression for the class in the path, as "(train|test)/(?P<label>[^/]+)/"'
    )
    split_from_folder: bool = Field(
        default=False, description="folders named train, val (valid, validation) and test are the splits"
    )

    @model_validator(mode="after")
    def _one_class(self) -> ImagesOptions:
        if self.label is not None and self.label_from_folder:
            raise ValueError("label and label_from_folder exclude each other")
        return self


def build(folder: Path, options: ImagesOptions) -> Cohort:
    """Return one case for each picture or volume.

    Raises:
        InputError: no picture or volume.
    """
    paths = list(files_below(folder, SCANS))
    if not paths:
        raise expected("picture", "no picture or volume in it", folder)
    names = Counter(stem(path) for path in paths)
    places = {path: relative(path, folder) for path in paths}
    class_of = {place: _class(place, options) for place in places.values()}
    classes = sorted({name for name in class_of.values() if name is not None})
    cases = [
        Case(
            id=stem(path) if names[stem(path)] == 1 else place,
            patient=named_part(options.patient, place, "patient"),
            images={IMAGE: place},
            labels={} if class_of[place] is None else {name: float(name == class_of[place]) for name in classes},
            split=_split(place) if options.split_from_folder else None,
        )
        for path, place in places.items()
    ]
    unlabelled = [case.id for case in cases if classes and not case.labels]
    unsplit = [case.id for case in cases if options.split_from_folder and case.split is None]
    notes = listed({"without a class in their path": unlabelled, "below no folder of a split": unsplit})
    notes += unknown_patients(cases, options.patient)
    return Cohort(tuple(cases), folder, tuple(notes))


def _class(place: str, options: ImagesOptions) -> str | None:
    if options.label is not None:
        return named_part(options.label, place, "label")
    folder = PurePosixPath(place).parent.name
    return folder if options.label_from_folder and folder else None


def _split(place: str) -> str | None:
    """Return the split that the nearest folder with such a name stands for."""
    folders = [part.lower() for part in PurePosixPath(place).parent.parts]
    return next((SPLITS[name] for name in reversed(folders) if name in SPLITS), None)
