import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vesalius.errors import GeometryError, UsageError
from vesalius.scan.geometry import orientation, to_world
from vesalius.scan.intensity import Intensity
from vesalius.scan.orient import reorient
from vesalius.scan.pixels import ArrayPixels
from vesalius.scan.scan import Scan

CODES = ["".join(word) for order in itertools.permutations(("LR", "PA", "IS")) for word in itertools.product(*order)]
OBLIQUE = np.array([[-1.9, 0.1, 0.4, 11], [0.1, 0.9, 2.0, -7], [-0.2, -0.8, 1.9, 3], [0, 0, 0, 1.0]])


def scan():
    array = np.random.default_rng(0).integers(0, 9999, (2, 3, 4, 5, 6), dtype=np.int16)
    return Scan.from_array(array, OBLIQUE)


def test_there_are_48_orientations():
    assert len(set(CODES)) == 48


@pytest.mark.parametrize("code", CODES)
def test_every_voxel_keeps_its_world_position_and_value(code):
    before, after = scan(), reorient(scan(), code)
    assert after.orientation == orientation(after.affine) == code
    assert after.dtype == before.dtype
    draw = np.random.default_rng(1)
    voxels = np.stack([draw.integers(0, size, 50) for size in after.shape[2:]], axis=1)
    old = to_world(np.linalg.inv(before.affine), to_world(after.affine, voxels))
    np.testing.assert_allclose(old, np.round(old), atol=1e-9)
    i, j, k = np.round(old).astype(int).T
    a, b, c = voxels.T
    np.testing.assert_array_equal(after.stored()[:, :, a, b, c], before.stored()[:, :, i, j, k])


@given(st.sampled_from(CODES))
def test_there_and_back_is_nothing(code):
    before = scan()
    after = reorient(reorient(before, code), before.orientation)
    np.testing.assert_array_equal(after.stored(), before.stored())
    np.testing.assert_allclose(after.affine, before.affine, atol=1e-12)


def test_the_same_orientation_is_the_same_scan():
    before = scan()
    assert reorient(before, before.orientation.lower()) is before


@pytest.mark.parametrize("code", CODES)
def test_slopes_of_slices_follow_their_slices(code):
    draw = np.random.default_rng(2)
    intensity = Intensity(draw.uniform(1, 2, (3, 6)), draw.uniform(-5, 5, (3, 6)), "BQML")
    before = Scan(ArrayPixels(scan().stored()), np.diag([2.0, 2, 2, 1]), intensity)
    after = reorient(before, code)
    plain = reorient(Scan(ArrayPixels(before.values(dtype=np.float64)), before.geometry), code)
    np.testing.assert_array_equal(after.values(dtype=np.float64), plain.stored())
    assert after.intensity.unit == "BQML"


@pytest.mark.parametrize("code", ["", "RA", "RAX", "RRS", "RASR", "RLS"])
def test_a_wrong_code_is_refused(code):
    with pytest.raises(UsageError, match="is not an orientation"):
        reorient(scan(), code)


def test_without_a_grid_there_is_no_orientation():
    with pytest.raises(GeometryError, match="no geometry"):
        reorient(Scan.from_array(np.zeros((2, 2, 2))), "RAS")
