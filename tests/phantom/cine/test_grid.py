import math

import numpy as np
import pytest

from phantom.cine.hearts import NAMES, fitted
from vesalius.phantom.cine.grid import build_grid, draw_affine, polar
from vesalius.phantom.cine.heart import ANGLES, angles
from vesalius.phantom.cine.options import CineOptions
from vesalius.scan.geometry import orientation, spacing_mm


@pytest.fixture(params=NAMES.values(), ids=NAMES.keys())
def case(request):
    return fitted(request.param)


def test_slices_reach_from_above_the_valves_to_below_the_apex(case):
    _, grid, heart = case
    assert grid.z_K[0] < 0 < grid.z_K[1]
    assert grid.z_K[-1] + grid.thickness_mm / 2 > heart.length_mm
    assert 8 <= grid.slices <= 16
    assert 8 <= grid.thickness_mm <= 10


def test_the_breath_hold_moves_slices_in_all_directions(case):
    _, grid, _ = case
    assert grid.shift_K3[:, :2].std() > 0.3
    assert np.abs(grid.shift_K3).max() <= 0.3 * grid.thickness_mm
    assert np.diff(grid.z_K) + np.diff(grid.shift_K3[:, 2]) == pytest.approx(grid.thickness_mm)


def test_no_shift_where_none_is_asked():
    heart = fitted("patient001")[2]
    grid = build_grid(heart, CineOptions.build(size=64, shift_mm=0), np.random.default_rng(0))
    assert (grid.shift_K3 == 0).all()


@pytest.mark.parametrize("thickness", [3.0, 5.0, 8.0, 14.0])
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_as_many_slices_end_in_systole_as_the_valves_come_down(name, thickness):
    heart = fitted(name)[2]
    options = CineOptions.build(size=48, thickness_mm=(thickness, thickness), shift_mm=4)
    for seed in range(5):
        z = build_grid(heart, options, np.random.default_rng(seed)).z_K
        assert ((z > 0) & (z < heart.base_mm(1.0))).sum() == round(heart.shortening_mm / thickness)


def test_the_window_holds_the_heart(case):
    _, grid, heart = case
    outer = np.sqrt(heart.epi_mm2(grid.z_K[1:2], 0.0))[0] + heart.rv_mm(0.0) * heart.rv_share(grid.z_K[1:2], 0.0)[0]
    places = grid.places_mm()
    for along, axis in ((outer * np.cos(angles()), 0), (outer * np.sin(angles()), 1)):
        inside = places[grid.window[axis]]
        assert inside[0] <= grid.axis_K2[1, axis] + along.min()
        assert inside[-1] >= grid.axis_K2[1, axis] + along.max()


def test_polar_by_hand():
    radius, entry = polar(np.array([3.0, 0.0, -2.0]), np.array([4.0, 5.0, 0.0]))
    assert radius == pytest.approx([5, 5, 2])
    expected = [math.atan2(4, 3), math.pi / 2, math.pi]
    assert angles()[entry] == pytest.approx(expected, abs=2 * math.pi / ANGLES)


def test_the_affine_is_a_short_axis(case):
    _, grid, _ = case
    affine = draw_affine(grid, np.random.default_rng(1))
    assert spacing_mm(affine) == pytest.approx((grid.spacing_mm, grid.spacing_mm, grid.thickness_mm))
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    assert directions.T @ directions == pytest.approx(np.eye(3), abs=1e-12)
    assert directions[0, 2] < 0 < directions[1, 2]  # k leads to the apex: to the left, to the front
    assert directions[2, 1] < -0.5  # rows go down
    assert orientation(affine)[1] == "I"
