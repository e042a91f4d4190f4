import itertools

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from vesalius.errors import GeometryError
from vesalius.scan.geometry import (
    axis_map,
    check_affine,
    lps_to_ras,
    orientation,
    shear_degrees,
    spacing_mm,
    to_world,
)

numbers = st.floats(-500, 500)


@st.composite
def affines(draw, most=40.0):
    """Any order and direction of the axes, turned by up to `most` degrees, any spacing and origin."""
    order = draw(st.permutations(range(3)))
    signs = np.array([draw(st.sampled_from([-1, 1])) for _ in range(3)])
    turn = Rotation.from_euler("xyz", [draw(st.floats(-most, most)) for _ in range(3)], degrees=True).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = turn @ (np.eye(3)[:, order] * signs) * [draw(st.floats(0.1, 20)) for _ in range(3)]
    affine[:3, 3] = [draw(numbers) for _ in range(3)]
    return affine


@given(affines(), st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=5))
def test_world_and_back(affine, voxels):
    world = to_world(affine, voxels)
    expected = [(affine @ [*voxel, 1])[:3] for voxel in voxels]
    np.testing.assert_allclose(world, expected, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(world, nib.affines.apply_affine(affine, voxels), rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(to_world(np.linalg.inv(affine), world), voxels, rtol=1e-6, atol=1e-6)


def test_points_of_any_shape():
    points = np.random.default_rng(0).normal(size=(2, 4, 3))
    assert to_world(np.eye(4), points).shape == (2, 4, 3)
    np.testing.assert_array_equal(to_world(np.eye(4), points[0, 0]), points[0, 0])


@given(affines(most=15))
def test_orientation_and_axis_map_as_nibabel(affine):
    assert orientation(affine) == "".join(nib.aff2axcodes(affine))
    expected = nib.io_orientation(affine)
    assert axis_map(affine) == [(int(world), int(sign)) for world, sign in expected]


@given(affines(most=180))
def test_axis_map_is_one_to_one_whatever_the_angle(affine):
    assert sorted(world for world, _ in axis_map(affine)) == [0, 1, 2]
    assert len(set(map(str.upper, orientation(affine)))) == 3


def test_every_code():
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((-1, 1), repeat=3):
            affine = np.eye(4)
            affine[:3, :3] = np.eye(3)[:, order] * signs
            expected = "".join(("LR", "PA", "IS")[world][sign > 0] for world, sign in zip(order, signs, strict=True))
            assert orientation(affine) == expected


@given(affines())
def test_spacing_is_the_distance_of_neighbours(affine):
    ends = to_world(affine, np.eye(3)) - to_world(affine, [0, 0, 0])
    np.testing.assert_allclose(spacing_mm(affine), np.linalg.norm(ends, axis=1), rtol=1e-9)
    assert shear_degrees(affine) < 1e-4


@pytest.mark.parametrize("degrees", [0.0, 0.5, 18.5, 45.0])
def test_shear(degrees):
    affine = np.eye(4)
    affine[:3, 2] = [0, np.sin(np.radians(degrees)), np.cos(np.radians(degrees))]
    assert shear_degrees(affine) == pytest.approx(degrees, abs=1e-6)


@given(numbers, numbers, numbers)
def test_lps_is_ras_with_two_signs(x, y, z):
    assert lps_to_ras([x, y, z]).tolist() == [-x, -y, z]
    assert lps_to_ras(lps_to_ras([x, y, z])).tolist() == [x, y, z]


@given(affines())
def test_a_good_affine_is_copied(affine):
    checked = check_affine(affine.tolist())
    assert checked.dtype == np.float64
    np.testing.assert_array_equal(checked, affine)
    assert check_affine(affine) is not affine


@pytest.mark.parametrize(
    ("affine", "what"),
    [
        (np.eye(3), "4x4"),
        (np.full((4, 4), np.nan), "finite"),
        (np.diag([1, 1, 1, 2.0]), "last row"),
        (np.diag([1, 0, 1, 1.0]), "singular"),
        (np.array([[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]), "singular"),
    ],
)
def test_bad_affines(affine, what):
    with pytest.raises(GeometryError, match=what):
        check_affine(affine)


def test_tiny_voxels_are_not_singular():
    np.testing.assert_allclose(spacing_mm(check_affine(np.diag([1e-4, 1e-4, 1e-4, 1]))), 1e-4)
