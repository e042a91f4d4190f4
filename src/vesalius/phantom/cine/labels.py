"""Voxel labels of a heart, fitted so that their volumes equal the requested ones, and measured as a reader would.

Labels of ACDC: 0 background, 1 RV cavity, 2 LV myocardium, 3 LV cavity with its papillary muscles. A slice is labelled
where its middle lies below the valve plane of that moment, so the label of the highest slice may end in systole, as it
does where a reader outlines slice by slice; the label of the RV ends gradually, because its valve is oblique.

The volumes fit to one voxel and need no search: each unknown size is a bound on one number per voxel, so it lies
between the n-th and the next of the sorted numbers, where n voxels make up the volume.

Letters: T the frames of end-diastole and end-systole, I columns, J rows, K slices.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import UsageError
from vesalius.phantom.cine.grid import Grid
from vesalius.phantom.cine.heart import Heart, Table
from vesalius.phantom.cine.subject import MYOCARDIUM_G_PER_ML, Subject

RV, MYOCARDIUM, LV = 1, 2, 3
_Values = NDArray[np.float64]
SECTORS = 6
_RAYS = 72
"""Rays from the middle of the cavity, 12 for each sector."""


def label(heart: Heart, grid: Grid, c: float) -> NDArray[np.uint8]:
    """Return the labels at emptying c in the window of the grid, shape (K, I, J)."""
    square = grid.radius_KIJ.astype(np.float64) ** 2
    epi = _at(grid, heart.epi_mm2(grid.z_K, c))
    inside = np.where(square < _at(grid, heart.endo_mm2(grid.z_K, c)), LV, MYOCARDIUM)
    crescent = grid.radius_KIJ < np.sqrt(np.maximum(epi, 0)) + heart.rv_mm(c) * _at(grid, _rv_share(heart, grid, c))
    labels = np.where(square < epi, inside, np.where(crescent, RV, 0)).astype(np.uint8)
    labels[grid.z_K < heart.base_mm(c)] = 0
    return labels


def fit_heart(heart: Heart, grid: Grid, subject: Subject) -> Heart:
    """Return the heart whose labelled LV, RV and wall volumes at end-diastole and end-systole are the requested ones.

    Raises:
        UsageError: the picture is too small for the heart.
    """
    wall = round(subject.mass_g * 1000 / MYOCARDIUM_G_PER_ML / grid.voxel_mm3)
    lv = [round(volume * 1000 / grid.voxel_mm3) for volume in (subject.lv_edv_ml, subject.lv_esv_ml)]
    rv = [round(volume * 1000 / grid.voxel_mm3) for volume in (subject.rv_edv_ml, subject.rv_esv_ml)]
    square = grid.radius_KIJ.astype(np.float64) ** 2

    heart = replace(
        heart, radius_mm2=_bound(_over(square, _at(grid, heart.endo_share(grid.z_K, 0.0))), grid, heart, 0.0, lv[0])
    )
    systole = heart.radius_mm2 * _at(grid, heart.endo_share(grid.z_K, 1.0))
    healthy = np.maximum(_at(grid, heart.contracts(grid.z_K, 1.0)), 1e-6)
    stays = np.where(systole > 0, (1 - square / np.where(systole > 0, systole, 1.0)) / healthy, -np.inf)
    heart = replace(heart, contraction=-_bound(-stays, grid, heart, 1.0, lv[1]))
    factors = []
    for c, count in ((0.0, lv[0] + wall), (1.0, lv[1] + wall)):
        past = square - np.maximum(_at(grid, heart.endo_mm2(grid.z_K, c)), 0)
        factors.append(_bound(_over(past, _at(grid, heart.wall_mm2(grid.z_K, c))), grid, heart, c, count))
    heart = replace(heart, wall=(factors[0], factors[1]))
    depths = []
    for c, count in zip((0.0, 1.0), rv, strict=True):
        past = np.sqrt(square) - np.sqrt(np.maximum(_at(grid, heart.epi_mm2(grid.z_K, c)), 0))
        past[past <= 0] = np.inf
        depths.append(_bound(_over(past, _at(grid, _rv_share(heart, grid, c))), grid, heart, c, count))
    heart = replace(heart, rv_depth_mm=(depths[0], depths[1]))
    for c in (0.0, 1.0):
        labels = label(heart, grid, c)
        if labels[:, [0, -1]].any() or labels[:, :, [0, -1]].any():
            raise _too_small()
    return heart


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


def _bound(values: _Values, grid: Grid, heart: Heart, c: float, count: int) -> float:
    """Return the number below which `count` voxels of the labelled slices lie."""
    labelled = np.sort(values[grid.z_K >= heart.base_mm(c)], axis=None)[count - 1 : count + 1]
    if labelled.size < 2 or not np.isfinite(labelled).all():
        raise _too_small()
    return float(labelled.mean())


def _rv_share(heart: Heart, grid: Grid, c: float) -> Table:
    """Return the crescent of the right ventricle without the atrium, shape (K, A)."""
    return heart.rv_share(grid.z_K, c) * heart.rv_below_valve(grid.z_K, c)


def _too_small() -> UsageError:
    return UsageError("the picture is too small for the heart", where="fov_mm", fix="widen it")


def _over(values: _Values, table: _Values) -> _Values:
    return np.where(table > 1e-9, values / np.where(table > 1e-9, table, 1.0), np.inf)


def _at(grid: Grid, table_ZA: Table) -> _Values:
    """Return the table of each slice at the angle of each voxel, shape (K, I, J)."""
    return np.stack([table.take(angle) for table, angle in zip(table_ZA, grid.angle_KIJ, strict=True)])
