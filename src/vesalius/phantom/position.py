"""Volumes whose voxels say where they lie: for testing what learns positions, with known truth and no anatomy.

Along i the brightness rises, along j the length of a wave that runs along k, along k its contrast; each patient has its
own gain, phase of the wave and noise. A folder holds P0001.nii.gz ... and manifest.jsonl.

Letters: I J K voxel axes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vesalius.cohort.case import IMAGE, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.config import Config
from vesalius.output import new_folder
from vesalius.phantom.nifti import write_nifti
from vesalius.seeding import generator
from vesalius.wording import Progress, quiet

MANIFEST = "manifest.jsonl"
_LEVELS = 1000.0
_SHORTEST, _LONGEST = 3.0, 12.0
"""Voxels of a wave at both ends of j."""
_Side = Annotated[int, Field(ge=4, le=512)]


class PositionOptions(Config):
    """Options of the position phantom."""

    patients: int = Field(default=12, ge=1, description="number of volumes, one for each patient")
    seed: int = Field(default=0, ge=0, description="random seed")
    size: tuple[_Side, _Side, _Side] = Field(default=(48, 48, 16), description="voxels of 1 mm along i, j, k")
    noise: float = Field(default=0.05, ge=0, description="standard deviation, as a share of the range of brightness")
    gain: float = Field(default=0.1, ge=0, lt=1, description="largest change of all values of a patient, a share")


@dataclass(frozen=True)
class PositionCohort:
    """A written cohort: its folder, its manifest and the number of patients."""

    path: Path
    manifest: Path
    patients: int


def position_volume(options: PositionOptions, patient: int) -> NDArray[np.int16]:
    """Return the volume of a patient, (I, J, K).

    Example:
        >>> volume = position_volume(PositionOptions(noise=0, gain=0), 0)
        >>> bool(volume[:8].mean() < volume[-8:].mean()), bool(volume[..., :4].std() < volume[..., -4:].std())
        (True, True)
    """
    draw = generator(options.seed, "position", patient)
    i, j, k = np.meshgrid(*((np.arange(side) + 0.5) / side for side in options.size), indexing="ij")
    gain, phase = 1 + draw.uniform(-options.gain, options.gain), draw.uniform(0, 2 * np.pi)
    turns = np.arange(options.size[2]) / (_SHORTEST + (_LONGEST - _SHORTEST) * j)
    wave = 0.25 * (1 + k) * np.sin(2 * np.pi * turns + phase)
    values = gain * (i + wave) + options.noise * draw.standard_normal(options.size)
    return np.rint(_LEVELS * values).astype(np.int16)


def write_position(
    folder: Path, options: PositionOptions, *, force: bool = False, progress: Progress = quiet
) -> PositionCohort:
    """Write a cohort; the same options give the same bytes, and a patient does not depend on the number of the others.

    Raises:
        OutputError: the folder is not empty or cannot be written.
    """
    cases = []
    with new_folder(folder, force=force) as part:
        for patient in range(options.patients):
            name = f"P{patient + 1:04d}"
            write_nifti(part / f"{name}.nii.gz", position_volume(options, patient)[None], np.eye(4))
            cases.append(Case(id=name, images={IMAGE: f"{name}.nii.gz"}, patient=name))
            progress(f"{patient + 1} of {options.patients} patients written")
        write_manifest(Cohort(tuple(cases), part), part / MANIFEST)
    return PositionCohort(folder, folder / MANIFEST, options.patients)
