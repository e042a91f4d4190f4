import numpy as np
import pytest

from phantom.cine.hearts import NAMES, fitted, patient
from vesalius.phantom.cine.fit import LV, MYOCARDIUM, label
from vesalius.phantom.cine.heart import angles
from vesalius.phantom.cine.measure import SECTORS, volume_ml, wall_thickness_mm


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
