"""Cine phantoms as a folder in the layout of ACDC, with the truth about each in truth.json.

In contrast to ACDC, the header of the 4D file states the time between frames, in seconds, because it is known.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from vesalius.output import new_folder
from vesalius.phantom.cine.options import CineOptions
from vesalius.phantom.cine.patient import CinePatient, cine_patients
from vesalius.phantom.nifti import write_nifti
from vesalius.wording import Progress, quiet


@dataclass(frozen=True)
class CineCohort:
    """A written cohort of cine phantoms.

    Args:
        path: its folder.
        patients: number of patients.
        groups: group -> number of patients.
        largest_ef_error: greatest difference of a measured and a requested ejection fraction, LV or RV, in points.
    """

    path: Path
    patients: int
    groups: dict[str, int]
    largest_ef_error: float


def write_cine(folder: Path, options: CineOptions, *, force: bool = False, progress: Progress = quiet) -> CineCohort:
    """Write a cohort: a folder for each patient with the files of ACDC and truth.json, one patient in memory at a time.

    The same options give the same bytes; a patient does not depend on the number of the others. The new folder appears
    only when everything is written; `force` replaces an existing one. `progress` receives a line for each patient.

    Raises:
        OutputError: the folder is not empty or cannot be written.
    """
    groups: Counter[str] = Counter()
    errors = [0.0]
    with new_folder(folder, force=force) as part:
        for number, patient in enumerate(cine_patients(options), 1):
            _write_patient(part / patient.name, patient, labels_4d=options.labels_4d)
            groups[patient.subject.group] += 1
            requested, measured = patient.facts["requested"], patient.facts["measured"]
            errors += [abs(requested[name] - measured[name]) for name in ("lv_ef", "rv_ef")]
            progress(f"{number} of {options.patients} patients written")
    return CineCohort(folder, options.patients, dict(groups), 100 * max(errors))


def _write_patient(folder: Path, patient: CinePatient, *, labels_4d: bool) -> None:
    folder.mkdir()
    name, affine = patient.name, patient.affine
    step_s = (patient.frame_ms[1] - patient.frame_ms[0]) / 1000
    write_nifti(folder / f"{name}_4d.nii.gz", patient.image_TIJK, affine, step_s)
    if labels_4d:
        write_nifti(folder / f"{name}_4d_gt.nii.gz", patient.labels_TIJK, affine, step_s)
    for t in (0, patient.es_frame):
        frame = slice(t, t + 1)
        write_nifti(folder / f"{name}_frame{t + 1:02d}.nii.gz", patient.image_TIJK[frame], affine, step_s)
        write_nifti(folder / f"{name}_frame{t + 1:02d}_gt.nii.gz", patient.labels_TIJK[frame], affine, step_s)
    subject = patient.subject
    lines = ["ED: 1", f"ES: {patient.es_frame + 1}", f"Group: {subject.group}", f"Height: {subject.height_cm}",
             f"NbFrame: {len(patient.frame_ms)}", f"Weight: {subject.weight_kg}"]  # fmt: skip
    (folder / "Info.cfg").write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")
    truth = {"name": name, "ed_frame": 1, "es_frame": patient.es_frame + 1,
             "frame_interval_ms": round(1000 * step_s, 3), **patient.facts}  # fmt: skip
    (folder / "truth.json").write_text(json.dumps(truth, indent=2) + "\n", encoding="ascii", newline="\n")
