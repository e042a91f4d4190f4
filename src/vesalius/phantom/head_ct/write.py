"""Head CT phantoms as a folder: NIfTI in HU with masks, and the tables that detection starts from.

P0001/S1.nii.gz, P0001/S1_mask.nii.gz   a study and its mask
series.csv     nifti_path, six labels, study_uid, patient_id
slices.csv     path, slice (from 0, upwards), six labels
truth.json     requested values and those measured from the masks
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vesalius.csv_table import write_rows
from vesalius.output import new_folder
from vesalius.phantom.head_ct.labels import LABELS, BleedName
from vesalius.phantom.head_ct.options import HeadCtOptions
from vesalius.phantom.head_ct.study import HeadCtStudy, head_ct_study, studies_of
from vesalius.phantom.nifti import write_nifti
from vesalius.seeding import digest
from vesalius.wording import Progress, quiet


@dataclass(frozen=True)
class HeadCtSummary:
    """A written cohort of head CT phantoms.

    Args:
        path: its folder.
        patients, studies: their numbers.
        positive: label -> number of studies that have it.
        largest_volume_error: greatest |measured - requested| / requested of a bleed that found enough room.
        first_positive: the first study with a bleed, below `path`; None where no study has one.
    """

    path: Path
    patients: int
    studies: int
    positive: dict[str, int]
    largest_volume_error: float
    first_positive: str | None


def write_head_ct(
    folder: Path, options: HeadCtOptions, patients: int, *, force: bool = False, progress: Progress = quiet
) -> HeadCtSummary:
    """Write a cohort, one study at a time in memory.

    The same options give the same bytes; a patient does not depend on the number of the others. The new folder appears
    only when everything is written; `force` replaces an existing one. `progress` receives a line for each patient.

    Raises:
        OutputError: the folder is not empty or cannot be written.
    """
    series: list[dict[str, Any]] = []
    slices: list[dict[str, Any]] = []
    truth: dict[str, Any] = {}
    positive: Counter[str] = Counter()
    errors = [0.0]
    with new_folder(folder, force=force) as part:
        for patient in range(patients):
            name = f"P{patient + 1:04d}"
            (part / name).mkdir()
            for number in range(studies_of(options, patient)):
                study = head_ct_study(options, patient, number)
                path = f"{name}/S{number + 1}.nii.gz"
                write_nifti(part / path, study.image_IJK[None], study.affine)
                write_nifti(part / f"{name}/S{number + 1}_mask.nii.gz", study.mask_IJK[None], study.affine)
                uid = f"2.25.{digest(options.seed, 'head-ct', patient, number)}"
                series.append({"nifti_path": path, **study.labels, "study_uid": uid, "patient_id": name})
                slices += _slice_rows(path, study)
                truth[path] = study.facts
                positive.update(label for label, value in study.labels.items() if value)
                errors += [_error(bleed) for bleed in study.facts["bleeds"]]
            progress(f"{patient + 1} of {patients} patients written")
        _table(part / "series.csv", series, ("nifti_path", *LABELS, "study_uid", "patient_id"))
        _table(part / "slices.csv", slices, ("path", "slice", *LABELS))
        (part / "truth.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="ascii", newline="\n")
    counts = {label: positive[label] for label in LABELS}
    first = next((row["nifti_path"] for row in series if row["any"]), None)
    return HeadCtSummary(folder, patients, len(series), counts, max(errors), first)


def _slice_rows(path: str, study: HeadCtStudy) -> list[dict[str, Any]]:
    rows = []
    for k in range(study.mask_IJK.shape[2]):
        present = set(np.unique(study.mask_IJK[..., k]).tolist())
        labels = {name.value: int(name.mask_value in present) for name in BleedName}
        rows.append({"path": path, "slice": k, "any": int(any(labels.values())), **labels})
    return rows


def _error(bleed: dict[str, Any]) -> float:
    """Return the relative error of the volume; 0 where the compartment was too small."""
    requested, measured = bleed["requested_ml"], bleed["measured_ml"]
    return 0.0 if bleed["no_room"] else abs(measured - requested) / requested


def _table(path: Path, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        write_rows(file, [columns, *([row[column] for column in columns] for row in rows)])
