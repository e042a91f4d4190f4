import nibabel as nib
import numpy as np
import pytest

from vesalius.scan.scan import Scan
from vesalius.transforms.picture import Upright, middle, slice_picture


@pytest.mark.parametrize("code", ["LPS", "RPS", "LAS", "RAS"])
def test_axial_slices_stand_upright(code):
    affine = nib.orientations.inv_ornt_aff(nib.orientations.axcodes2ornt(code), (4, 5, 6))
    affine[:3, :3] *= [1.0, 2.0, 3.0]
    index = np.stack(np.meshgrid(np.arange(4), np.arange(5), np.arange(6), indexing="ij"), axis=-1)
    world = index @ affine[:3, :3].T + affine[:3, 3]
    scan = Scan.from_array(world[..., 0], affine)
    upright = Upright.of(scan, slice_picture(scan, 0, 2))
    right_JI, front_JI = (upright.turn(world[:, :, 2, axis]) for axis in (0, 1))
    assert right_JI.shape == (5, 4)
    assert (np.diff(right_JI, axis=1) < 0).all()
    assert (np.diff(front_JI, axis=0) < 0).all()
    assert upright.spacing_mm == (2, 1)


def test_windows_and_unknown_geometry():
    scan = Scan.from_array(np.arange(2000.0).reshape(10, 10, 20))
    upright = Upright.of(scan, scan.values()[0, 0])
    np.testing.assert_allclose(upright.window, np.percentile(np.arange(2000), (0.5, 99.5)))
    assert upright.spacing_mm == (1, 1)
    assert (upright.flip_i, upright.flip_j) == (False, False)
    assert Upright.of(scan, np.full((2, 2), 3.0)).window == (3, 4)
    assert Upright.of(scan, np.full((2, 2), np.nan)).window == (0, 1)


def test_colours_become_their_luminance():
    array = np.random.default_rng(0).integers(0, 255, (3, 2, 4, 5, 6)).astype("u1")
    picture = slice_picture(Scan.from_array(array, colour="rgb"), 1, 2)
    np.testing.assert_allclose(
        picture, 0.299 * array[0, 1, :, :, 2] + 0.587 * array[1, 1, :, :, 2] + 0.114 * array[2, 1, :, :, 2], rtol=1e-5
    )
    assert np.array_equal(slice_picture(Scan.from_array(array, colour="channels"), 1, 2), array[0, 1, :, :, 2])


def test_middle():
    assert middle(Scan.from_array(np.zeros((1, 5, 2, 2, 8)))) == (2, 4)
