import gzip
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vesalius.errors import InputError
from vesalius.scan.nifti.pixels import NiftiPixels

RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
SHAPES = [(3, 4, 2), (3, 4, 2, 5), (3, 4, 2, 5, 2), (3, 4, 2, 1, 3), (2, 3, 2, 2, 2, 3)]


def make(folder, shape, dtype, packed):
    """A file with 7 bytes before the values, and the values by a slow walk: (C, T, I, J, K)."""
    dtype = np.dtype(dtype)
    flat = np.random.default_rng(2).integers(0, 255, math.prod(shape) * dtype.itemsize).astype("u1").view(dtype)
    path = folder / ("values.gz" if packed else "values")
    data = b"1234567" + flat.tobytes()
    path.write_bytes(gzip.compress(data) if packed else data)
    i, j, k, t, *more = (*shape, 1)
    more = math.prod(more)
    colours = dtype.names or ("",)
    plain = np.dtype("u1") if dtype.names else dtype
    expected = np.empty((more * len(colours), t, i, j, k), plain)
    for number, value in enumerate(flat):
        rest, x = divmod(number, i)
        rest, y = divmod(rest, j)
        rest, z = divmod(rest, k)
        c, frame = divmod(rest, t)
        for colour, name in enumerate(colours):
            expected[c * len(colours) + colour, frame, x, y, z] = value[name] if name else value
    return NiftiPixels(path, shape, dtype, 7), expected


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dtype", ["<i2", ">i2", ">f8", RGB])
def test_every_value_and_every_slab(shape, packed, dtype, tmp_path):
    pixels, expected = make(tmp_path, shape, dtype, packed)
    pixels.check_length()
    whole = pixels.read()
    assert whole.shape == pixels.shape == expected.shape
    assert whole.dtype == pixels.dtype == expected.dtype
    assert whole.tobytes() == expected.tobytes()
    for t in (slice(None), slice(0, 1), slice(1, 4), slice(-1, None), slice(None, None, 2), slice(7, 9)):
        for k in (slice(None), slice(1, 2), slice(None, None, -1), slice(2, 2)):
            assert pixels.read(t, k).tobytes() == expected[:, t, :, :, k].tobytes()
            assert pixels.read(t, k).shape == expected[:, t, :, :, k].shape
    assert pixels.direct == (not packed)


@given(st.data())
def test_slabs_of_gzipped_frames(tmp_path_factory, data):
    pixels, expected = make(tmp_path_factory.mktemp("slab"), (2, 3, 4, 5), "<u2", packed=True)
    ends = st.one_of(st.none(), st.integers(-6, 6))
    t, k = (slice(data.draw(ends), data.draw(ends), data.draw(st.sampled_from([None, 1, 2]))) for _ in "tk")
    assert pixels.read(t, k).tobytes() == expected[:, t, :, :, k].tobytes()


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_shrank(packed, tmp_path):
    pixels, _ = make(tmp_path, (3, 4, 2, 5), "<i2", packed)
    pixels.path.write_bytes(pixels.path.read_bytes()[:-20])
    with pytest.raises(InputError, match="cannot be read as NIfTI"):
        pixels.read()
    pixels.path.unlink()
    with pytest.raises(InputError, match="no such file"):
        pixels.read()
    with pytest.raises(InputError, match="no such file"):
        pixels.check_length()


def test_a_wrong_checksum_at_the_end_of_the_gzip_stream(tmp_path):
    pixels, _ = make(tmp_path, (3, 4, 2, 5), "<i2", packed=True)
    data = bytearray(pixels.path.read_bytes())
    data[-8] ^= 1
    pixels.path.write_bytes(data)
    with pytest.raises(InputError, match="CRC"):
        pixels.read()
