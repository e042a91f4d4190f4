"""A plain folder of pictures or volumes, one case for each file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from pydantic import Field

from vesalius.cohort.builders.files import SCANS, expected, files_below, relative, stem
from vesalius.cohort.builders.msd import NO_PATIENTS, named_patient
from vesalius.cohort.case import IMAGE, Case
from vesalius.cohort.cohort import Cohort
from vesalius.config import Config


class ImagesOptions(Config):
    """Facts to read from the paths."""

    patient: str | None = Field(
        default=None, description='regular expression for the patient in the path, as "(?P<patient>[^/]+)/"'
    )
    label_from_folder: bool = Field(default=False, description="the folder of a file is its class")


def build(folder: Path, options: ImagesOptions) -> Cohort:
    """Return one case for each picture or volume.

    Raises:
        InputError: no picture or volume.
    """
    paths = list(files_below(folder, SCANS))
    if not paths:
        raise expected("images", "no picture or volume in it", folder)
    names = Counter(stem(path) for path in paths)
    classes = sorted({path.parent.name for path in paths if path.parent != folder}) if options.label_from_folder else []
    cases = []
    for path in paths:
        place = relative(path, folder)
        cases.append(
            Case(
                id=stem(path) if names[stem(path)] == 1 else place,
                patient=named_patient(options.patient, place),
                images={IMAGE: place},
                labels={name: float(name == path.parent.name) for name in classes},
            )
        )
    notes = () if options.patient is not None else (NO_PATIENTS,)
    return Cohort(tuple(cases), folder, notes)
