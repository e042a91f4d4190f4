"""From a heart to voxel labels, and fitting a heart so that its labelled volumes equal the requested ones.

Labels of ACDC: 0 background, 1 RV cavity, 2 LV myocardium, 3 LV cavity with its papillary muscles. A slice is labelled
where its middle lies below the valve plane of that moment, so the label of the highest slice may end in systole, as it
does where a reader outlines slice by slice; the label of the RV ends gradually, because its valve is oblique.

The volumes fit to one voxel and need no search: each unknown size is a bound on one number per voxel, so it lies
between the n-th and the next of the sorted numbers, where n voxels make up the volume.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import UsageError
from vesalius.phantom.cine.grid import Grid
from vesalius.phantom.cine.heart import Heart, Table
from vesalius.phantom.cine.subject import MYOCARDIUM_G_PER_ML, Subject

RV, MYOCARDIUM, LV = 1, 2, 3
_Values = NDArray[np.float64]


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
