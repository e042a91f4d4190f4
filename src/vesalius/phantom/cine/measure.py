"""Volumes, ejection fractions and wall thickness, measured from labels as a reader would measure them.

Letters: T the frames of end-diastole and end-systole, I columns, J rows, K slices.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.phantom.cine.fit import LV, MYOCARDIUM, RV
from vesalius.phantom.cine.grid import Grid
from vesalius.phantom.cine.subject import MYOCARDIUM_G_PER_ML, Subject

SECTORS = 6
_RAYS = 72
"""Rays from the middle of the cavity, 12 for each sector."""


def measure(labels_TIJK: NDArray[np.uint8], grid: Grid, subject: Subject) -> dict[str, Any]:
    """Return the requested values and those measured from the labels of end-diastole and end-systole, JSON-able."""
    (rv_ed, rv_es), (wall, _), (lv_ed, lv_es) = (
        [volume_ml(labels, value, grid.voxel_mm3) for labels in labels_TIJK] for value in (RV, MYOCARDIUM, LV)
    )
    thickness = wall_thickness_mm(labels_TIJK[0], grid.spacing_mm)
    return {
        "group": subject.group,
        "sex": subject.sex,
        "height_cm": subject.height_cm,
        "weight_kg": subject.weight_kg,
        "bsa_m2": round(subject.bsa_m2, 4),
        "requested": {
            "lv_edv_ml": subject.lv_edv_ml, "lv_esv_ml": subject.lv_esv_ml, "lv_ef": subject.lv_ef,
            "rv_edv_ml": subject.rv_edv_ml, "rv_esv_ml": subject.rv_esv_ml, "rv_ef": subject.rv_ef,
            "lv_mass_g": subject.mass_g,
        },
        "measured": {
            "lv_edv_ml": lv_ed, "lv_esv_ml": lv_es, "lv_ef": 1 - lv_es / lv_ed,
            "rv_edv_ml": rv_ed, "rv_esv_ml": rv_es, "rv_ef": 1 - rv_es / rv_ed,
            "lv_mass_g": wall * MYOCARDIUM_G_PER_ML,
            "wall_ed_mean_mm": float(np.nanmean(thickness)), "wall_ed_max_mm": float(np.nanmax(thickness)),
        },
    }  # fmt: skip


def volume_ml(labels: NDArray[np.uint8], value: int, voxel_mm3: float) -> float:
    """Return the volume of a label."""
    return int((labels == value).sum()) * voxel_mm3 / 1000


def wall_thickness_mm(labels_IJK: NDArray[np.uint8], spacing_mm: float) -> NDArray[np.float64]:
    """Return the mean thickness of the LV wall per sector and slice, shape (K, SECTORS); NaN without a cavity.

    Measured along rays from the middle of the cavity; the first sector starts at the right of the picture, clockwise.
    Slices where the cavity is smaller than 8 mm across are skipped: rays cross the apex obliquely there.
    """
    result = np.full((labels_IJK.shape[2], SECTORS), math.nan)
    step = 0.1
    steps = np.arange(0, max(labels_IJK.shape[:2]), step)
    angles = (np.arange(_RAYS) + 0.5) * (2 * math.pi / _RAYS)
    for k in range(labels_IJK.shape[2]):
        cavity = np.argwhere(labels_IJK[..., k] == LV)
        if len(cavity) * spacing_mm**2 < math.pi * 4.0**2:
            continue
        middle = cavity.mean(axis=0)
        i = np.rint(middle[0] + np.cos(angles)[:, None] * steps).astype(int)
        j = np.rint(middle[1] + np.sin(angles)[:, None] * steps).astype(int)
        within = (i >= 0) & (j >= 0) & (i < labels_IJK.shape[0]) & (j < labels_IJK.shape[1])
        met = labels_IJK[np.where(within, i, 0), np.where(within, j, 0), k] == MYOCARDIUM
        lengths = (met & within).sum(axis=1) * step * spacing_mm
        result[k] = lengths.reshape(SECTORS, -1).mean(axis=1)
    return result
