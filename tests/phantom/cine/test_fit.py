from dataclasses import replace

import numpy as np
import pytest

from phantom.cine.hearts import NAMES, fitted
from vesalius.errors import UsageError
from vesalius.phantom.cine.fit import LV, MYOCARDIUM, RV, fit_heart, label
from vesalius.phantom.cine.grid import build_grid
from vesalius.phantom.cine.heart import angles, build_heart
from vesalius.phantom.cine.options import CineOptions
from vesalius.phantom.cine.subject import draw_subject
from vesalius.seeding import generator

CASES = [(name, seed) for name in NAMES.values() for seed in range(4)]


@pytest.mark.parametrize(("name", "seed"), CASES)
def test_labelled_volumes_are_those_asked_for_to_a_voxel(name, seed):
    subject, grid, heart = fitted(name, seed)
    voxel_ml = grid.voxel_mm3 / 1000
    ed, es = (label(heart, grid, c) for c in (0.0, 1.0))
    wall_ml = subject.mass_g / 1.05
    for labels, asked in (
        (ed, {LV: subject.lv_edv_ml, RV: subject.rv_edv_ml, MYOCARDIUM: wall_ml}),
        (es, {LV: subject.lv_esv_ml, RV: subject.rv_esv_ml, MYOCARDIUM: wall_ml}),
    ):
        measured = {value: (labels == value).sum() * voxel_ml for value in asked}
        assert measured == pytest.approx(asked, abs=3 * voxel_ml)


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_labels_follow_the_borders_voxel_by_voxel(name):
    _, grid, heart = fitted(name)
    labels = label(heart, grid, 0.4)
    draw = np.random.default_rng(0)
    endo, epi = heart.endo_mm2(grid.z_K, 0.4), heart.epi_mm2(grid.z_K, 0.4)
    rv = heart.rv_mm(0.4) * heart.rv_share(grid.z_K, 0.4) * heart.rv_below_valve(grid.z_K, 0.4)
    x, y = (grid.places_mm()[one] for one in grid.window)
    for _ in range(300):
        k, i, j = (int(draw.integers(size)) for size in labels.shape)
        dx, dy = x[i] - grid.axis_K2[k, 0], y[j] - grid.axis_K2[k, 1]
        a = np.argmin(np.abs(angles() - np.arctan2(dy, dx)))
        r = float(np.hypot(dx, dy))
        if min(abs(r - np.sqrt(max(v, 0))) for v in (endo[k, a], epi[k, a])) < 0.3:
            continue
        if r * r < epi[k, a]:
            expected = LV if r * r < endo[k, a] else MYOCARDIUM
        else:
            expected = RV if rv[k, a] > 0 and r < np.sqrt(epi[k, a]) + rv[k, a] - 0.3 else 0
            if rv[k, a] > 0 and abs(r - np.sqrt(max(epi[k, a], 0)) - rv[k, a]) < 0.6:
                continue
        assert labels[k, i, j] == (expected if grid.z_K[k] >= heart.base_mm(0.4) else 0)


def test_the_cavity_is_wrapped_in_wall():
    _, grid, heart = fitted("patient001", size=128)
    labels = label(heart, grid, 0.0)
    for axis in (1, 2):
        beside = np.moveaxis(labels, axis, 0)
        pairs = np.stack([beside[:-1], beside[1:]])
        assert not ((pairs.min(axis=0) == RV) & (pairs.max(axis=0) == LV)).any()
        assert not ((pairs.min(axis=0) == 0) & (pairs.max(axis=0) == LV)).any()


def test_a_heart_that_does_not_fit_says_so():
    options = CineOptions.build(size=64)
    subject = draw_subject(options, "patient002")
    heart = build_heart(subject, generator(0, "heart"))
    grid = build_grid(heart, options, generator(0, "grid"))
    for end in (3, -9):
        part = {"radius_KIJ": grid.radius_KIJ[:, :end], "angle_KIJ": grid.angle_KIJ[:, :end]}
        with pytest.raises(UsageError, match="too small"):
            fit_heart(heart, replace(grid, **part), subject)
