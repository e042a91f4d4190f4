import itertools

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from real_data import real
from vesalius.errors import GeometryError
from vesalius.scan.open import open_scan
from vesalius.scan.scan import Scan
from vesalius.scan.stack import SliceStack
from vesalius.transforms.view import to_view, view_of

SHAPE = (4, 5, 6)
GROWS = {
    ("axial", "radiological"): ((0, -1), (1, -1), (2, 1)),
    ("axial", "neurological"): ((0, 1), (1, -1), (2, 1)),
    ("coronal", "radiological"): ((0, -1), (2, -1), (1, 1)),
    ("coronal", "neurological"): ((0, 1), (2, -1), (1, 1)),
    ("sagittal", "radiological"): ((1, -1), (2, -1), (0, 1)),
    ("sagittal", "neurological"): ((1, -1), (2, -1), (0, 1)),
}
"""View -> (world axis, sign) in which columns, rows and slices grow; world is R A S."""


def world_scan(affine, shape=SHAPE, frames=1):
    """A scan whose three channels are the world coordinates of each voxel; later frames are 1000 mm further."""
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    world = index @ affine[:3, :3].T + affine[:3, 3]
    array = np.stack([world + 1000 * frame for frame in range(frames)])
    return Scan.from_array(array.transpose(4, 0, 1, 2, 3), affine)


def tilted(code, angles, spacing=(1.0, 2.0, 3.0)):
    """An affine with the axes of `code`, turned by some degrees."""
    start = nib.orientations.inv_ornt_aff(nib.orientations.axcodes2ornt(code), SHAPE)
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() @ np.sign(start[:3, :3].round())
    affine[:3, :3] = affine[:3, :3] * spacing
    affine[:3, 3] = 10, -20, 30
    return affine


CODES = [
    "".join(signs[axis] for axis in order)
    for order in itertools.permutations(range(3))
    for signs in itertools.product("LR", "PA", "IS")
]


@settings(max_examples=120)
@given(st.data())
def test_the_patient_lies_as_promised(data):
    code = data.draw(st.sampled_from(CODES))
    affine = tilted(code, [data.draw(st.floats(-15, 15)) for _ in range(3)])
    plane, display = data.draw(st.sampled_from(sorted(GROWS)))
    scan = world_scan(affine)
    x_BCJI = to_view(scan, plane, display)
    assert x_BCJI.dtype == np.float32
    assert x_BCJI.size == 3 * 4 * 5 * 6
    columns, rows, slices = GROWS[plane, display]
    for axis, (world, sign) in zip((3, 2, 0), (columns, rows, slices), strict=True):
        step = np.diff(x_BCJI, axis=axis)
        largest = np.abs(step).mean(axis=(0, 2, 3)).argmax()
        assert largest == world
        assert (np.sign(step[:, world]) == sign).all()
    view = view_of(scan, plane, display)
    step_row, step_column = (np.linalg.norm(np.diff(x_BCJI, axis=axis), axis=1).mean() for axis in (2, 3))
    np.testing.assert_allclose(view.spacing_mm, (step_row, step_column), rtol=1e-5)
    assert view.pixel_aspect == pytest.approx(step_row / step_column, rel=1e-5)
    assert view.count == len(x_BCJI)


EDGES = {
    ("axial", "radiological"): "RLAP",
    ("axial", "neurological"): "LRAP",
    ("coronal", "radiological"): "RLSI",
    ("coronal", "neurological"): "LRSI",
    ("sagittal", "radiological"): "APSI",
    ("sagittal", "neurological"): "APSI",
}


@pytest.mark.parametrize("code", CODES[::5])
@pytest.mark.parametrize(("plane", "display"), sorted(EDGES))
def test_letters_at_the_edges(code, plane, display):
    assert "".join(view_of(world_scan(tilted(code, (3, 4, 5))), plane, display).edges) == EDGES[plane, display]


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal", "native"])
@pytest.mark.parametrize("code", ["LPS", "RAS", "PIR"])
def test_parts_equal_parts_of_the_whole(code, plane):
    scan = world_scan(tilted(code, (0, 0, 0)), frames=3)
    whole = to_view(scan, plane)
    count = view_of(scan, plane).count
    assert len(whole) == 3 * count
    by_frame = whole.reshape(3, count, *whole.shape[1:])
    assert (by_frame[1] - by_frame[0] == 1000).all()
    for k in (slice(1, 3), slice(None, None, 2), slice(None, None, -1), slice(-1, None), slice(9, 9)):
        part = to_view(scan, plane, k=k, t=slice(1, 3))
        expected = by_frame[1:3][:, k]
        assert np.array_equal(part, expected.reshape(-1, *expected.shape[2:]))


def test_native_is_as_stored():
    array = np.random.default_rng(0).normal(size=(2, 3, 4, 5, 6)).astype("f4")
    scan = Scan.from_array(array)
    x_BCJI = to_view(scan, "native")
    for t, k in itertools.product(range(3), range(6)):
        assert np.array_equal(x_BCJI[t * 6 + k], array[:, t, :, :, k].transpose(0, 2, 1))
    view = view_of(scan, "native")
    assert (view.spacing_mm, view.edges, view.pixel_aspect) == (None, None, 1.0)
    assert view_of(world_scan(tilted("LPS", (0, 0, 0))), "native").edges == ("R", "L", "A", "P")


@pytest.mark.parametrize("code", ["LPS", "RPS", "LAS", "RAS"])
def test_axial_slices_stand_upright(code):
    affine = tilted(code, (0, 0, 0))
    scan = world_scan(affine)
    x_BCJI, view = to_view(scan, "upright", k=slice(2, 3)), view_of(scan, "upright")
    assert x_BCJI.shape == (1, 3, 5, 4)
    assert (np.diff(x_BCJI[0, 0], axis=1) < 0).all()
    assert (np.diff(x_BCJI[0, 1], axis=0) < 0).all()
    assert view.edges == ("R", "L", "A", "P")
    assert view.spacing_mm == pytest.approx((2, 1))
    np.testing.assert_array_equal(view.turn(scan.values()[1, 0, :, :, 2]), x_BCJI[0, 1])
    with pytest.raises(ValueError, match="not the slices"):
        view_of(scan, "coronal").turn(np.zeros((4, 5)))


def test_upright_without_geometry_is_native():
    scan = Scan.from_array(np.arange(24.0).reshape(2, 3, 4))
    np.testing.assert_array_equal(to_view(scan, "upright"), to_view(scan, "native"))
    assert view_of(scan, "upright").spacing_mm is None


def slices(direction=(0, 0, 3.0), count=6, shear=2.0, gaps=None):
    """Slices stacked along k with a tilt: no grid."""
    heights = np.arange(count) if gaps is None else np.cumsum(gaps)
    origins = heights[:, None] * np.array(direction) + heights[:, None] * np.array([0, shear, 0])
    return SliceStack(origins, np.tile([-1.0, 0, 0], (count, 1)), np.tile([0, -2.0, 0], (count, 1)))


def test_parallel_slices_off_a_grid_show_in_their_own_plane():
    for direction in ((0, 0, 3.0), (0, 0, -3.0)):
        stack = slices(direction)
        index = np.stack(np.meshgrid(np.arange(4), np.arange(5), indexing="ij"), axis=-1)
        steps = np.stack([stack.steps_i_K3[0], stack.steps_j_K3[0]])
        world = (index @ steps)[:, :, None] + stack.origins_K3
        scan = Scan.from_array(world.transpose(3, 0, 1, 2)[:, None], geometry=stack)
        assert scan.grid_problem
        x_BCJI = to_view(scan, "axial")
        for axis, (world_axis, sign) in zip((3, 2, 0), GROWS["axial", "radiological"], strict=True):
            assert (np.sign(np.diff(x_BCJI[:, world_axis], axis=axis - (axis > 0))) == sign).all()
        assert view_of(scan, "axial").spacing_mm == (2, 1)
        with pytest.raises(GeometryError, match=r"no coronal view: .*tilt.*--resample"):
            to_view(scan, "coronal")
        assert to_view(scan, "native").shape == (6, 3, 5, 4)
        assert view_of(scan, "upright").edges == ("R", "L", "A", "P")


def test_without_geometry_only_native():
    scan = Scan.from_array(np.zeros(SHAPE))
    with pytest.raises(GeometryError, match="no geometry"):
        to_view(scan, "axial")
    turned = SliceStack(np.zeros((2, 3)), np.array([[1.0, 0, 0], [0, 1.0, 0]]), np.array([[0, 1.0, 0], [0, 0, 1.0]]))
    scan = Scan.from_array(np.zeros((4, 5, 2)), geometry=turned)
    with pytest.raises(GeometryError, match="differ in orientation"):
        to_view(scan, "axial")
    assert to_view(scan, "native").shape == (2, 1, 5, 4)
    assert to_view(scan, "upright").shape == (2, 1, 5, 4)


@pytest.mark.data
def test_a_real_head_as_nibabel_orders_it():
    scan = open_scan(real("ct-head-template/scct.nii"))
    x_BCJI = to_view(scan, "axial")
    canonical = nib.as_closest_canonical(nib.load(real("ct-head-template/scct.nii"))).get_fdata()
    np.testing.assert_allclose(x_BCJI[:, 0], canonical[::-1, ::-1, :].transpose(2, 1, 0), rtol=1e-6)
