import numpy as np
import pytest

from vesalius.errors import InputError
from vesalius.scan.region import Region, crop
from vesalius.scan.scan import Scan
from vesalius.scan.stack import SliceStack

ARRAY = np.random.default_rng(0).integers(0, 999, (2, 3, 7, 6, 4)).astype(np.int16)


def test_a_crop_holds_its_columns_and_rows_of_every_slice_and_frame():
    part = crop(Scan.from_array(ARRAY), Region(2, 1, 4, 5))
    assert part.shape == (2, 3, 4, 5, 4)
    np.testing.assert_array_equal(part.stored(), ARRAY[:, :, 2:6, 1:6])
    np.testing.assert_array_equal(part.stored(slice(1, 3), slice(0, 2)), ARRAY[:, 1:3, 2:6, 1:6, :2])
    assert (part.dtype, part.native) == (ARRAY.dtype, None)


def test_pixels_keep_their_places_in_the_world():
    affine = np.array([[0.5, 0.1, 0, -3], [-0.1, 0.5, 0, 7], [0, 0, 2.0, 1], [0, 0, 0, 1]])
    whole = Scan.from_array(ARRAY, affine)
    part = crop(whole, Region(2, 1, 4, 5))
    np.testing.assert_allclose(part.affine @ [1, 3, 2, 1], whole.affine @ [3, 4, 2, 1])

    origins = np.array([[0.0, 0, 0], [0, 0, 1], [0, 0, 5]])
    stack = SliceStack(origins, np.tile([0.5, 0.1, 0], (3, 1)), np.tile([-0.1, 0.5, 0], (3, 1)))
    moved = crop(Scan(pixels=Scan.from_array(ARRAY[..., :3]).pixels, geometry=stack), Region(2, 1, 4, 5)).geometry
    np.testing.assert_allclose(moved.origins_K3, origins + np.array([2 * 0.5 - 0.1, 2 * 0.1 + 0.5, 0]))


@pytest.mark.parametrize("region", [Region(4, 0, 4, 1), Region(0, 6, 1, 1), Region(0, 0, 7, 7), Region(10**9, 0, 1, 1)])
def test_a_region_beyond_the_picture_is_refused(region):
    with pytest.raises(InputError, match=r"region/.* reaches beyond its 7 x 6 pixels; build the manifest again"):
        crop(Scan.from_array(ARRAY), region)
