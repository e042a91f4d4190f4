from dataclasses import replace

import numpy as np
import pytest

from phantom.cine.hearts import NAMES, fitted, patient
from vesalius.errors import UsageError
from vesalius.phantom.cine.grid import build_grid
from vesalius.phantom.cine.heart import angles, build_heart
from vesalius.phantom.cine.labels import LV, MYOCARDIUM, RV, SECTORS, fit_heart, label, volume_ml, wall_thickness_mm
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


def rings(inner_mm, outer_mm, spacing=1.0, size=101, shift=0.0):
    """One slice with a ring of wall; its middle is off the voxel centres by `shift`."""
    places = (np.arange(size) - size // 2) * spacing
    radius = np.hypot(places[:, None] - shift, places[None, :])
    return np.where(radius < inner_mm, LV, np.where(radius < outer_mm, MYOCARDIUM, 0)).astype(np.uint8)[..., None]


@pytest.mark.parametrize(("inner", "outer", "spacing"), [(20, 28, 1.0), (15, 31, 1.4), (25, 33.5, 0.7)])
def test_thickness_of_a_ring(inner, outer, spacing):
    measured = wall_thickness_mm(rings(inner, outer, spacing), spacing)
    assert measured.shape == (1, SECTORS)
    assert measured == pytest.approx(outer - inner, abs=0.5 * spacing)


def test_sectors_start_at_the_right_and_go_clockwise():
    labels = rings(15, 25)
    labels[(np.arange(101) > 60)[:, None, None] & (np.arange(101) > 60)[None, :, None] & (labels == 0)] = MYOCARDIUM
    measured = wall_thickness_mm(labels, 1.0)[0]
    assert measured[0] > 15
    assert measured[1:].min() < 11


def test_slices_without_a_cavity_are_left_out():
    assert np.isnan(wall_thickness_mm(rings(3, 9), 1.0)).all()
    assert np.isnan(wall_thickness_mm(np.zeros((20, 20, 2), np.uint8), 1.0)).all()


def test_volume_by_hand():
    assert volume_ml(rings(20, 28), LV, 10.0) == pytest.approx(np.pi * 400 * 10 / 1000, rel=0.01)


@pytest.mark.parametrize("group", NAMES)
def test_thickness_of_labels_is_that_of_the_shape(group):
    _, grid, heart = fitted(NAMES[group], size=224)
    labels = np.zeros((grid.size, grid.size, grid.slices), np.uint8)
    labels[grid.window] = label(heart, grid, 0.0).transpose(1, 2, 0)
    k = grid.slices // 2 - 1
    endo, epi = (np.maximum(border(grid.z_K, 0.0), 0) for border in (heart.endo_mm2, heart.epi_mm2))
    shape = np.sqrt(epi) - np.sqrt(endo)
    sector = ((angles() % (2 * np.pi)) * SECTORS / (2 * np.pi)).astype(int)
    expected = [shape[k, sector == one].mean() for one in range(SECTORS)]
    assert wall_thickness_mm(labels, grid.spacing_mm)[k] == pytest.approx(expected, abs=0.8)


@pytest.mark.parametrize("number", range(4))
def test_walls_meet_the_criteria_of_the_groups(number):
    """ACDC: HCM above 15 mm in several segments; normal and dilated hearts below 12 mm."""
    for place, group in enumerate(NAMES):
        _, grid, heart = fitted(f"patient{5 * number + place + 1:03d}", size=160)
        labels = label(heart, grid, 0.0).transpose(1, 2, 0)
        measured = wall_thickness_mm(labels, grid.spacing_mm)
        if group == "HCM":
            assert (measured > 15).sum() >= 3
        elif group in ("NOR", "DCM"):
            assert np.nanmax(measured) < 12.6  # half a voxel of 1.2 mm above the criterion


def test_facts_tell_what_was_asked_and_what_is_there():
    made = patient("patient001")
    facts = made.facts
    assert facts["measured"]["lv_ef"] == pytest.approx(facts["requested"]["lv_ef"], abs=0.01)
    assert facts["requested"]["lv_edv_ml"] == made.subject.lv_edv_ml
    assert facts["group"] == "NOR"
