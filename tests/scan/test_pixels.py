import numpy as np
import pytest

from vesalius.scan.pixels import ALL, ArrayPixels


@pytest.mark.parametrize("dtype", ["u1", ">i2", "f4"])
def test_array_pixels_are_views(dtype):
    array = np.arange(2 * 3 * 4 * 5 * 6).reshape(2, 3, 4, 5, 6).astype(dtype)
    pixels = ArrayPixels(array)
    assert pixels.shape == (2, 3, 4, 5, 6)
    assert pixels.dtype == array.dtype
    assert pixels.direct
    part = pixels.read(slice(1, 3), slice(None, None, 2))
    assert np.array_equal(part, array[:, 1:3, :, :, ::2])
    assert np.shares_memory(part, array)
    assert pixels.read(ALL, ALL).shape == array.shape
