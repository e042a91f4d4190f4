import gzip
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vesalius.errors import InputError
from vesalius.scan.nifti.pixels import NiftiPixels, blocks, create, head_of, is_gzip

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


def test_the_content_decides_about_gzip_and_the_suffix_where_there_is_none(tmp_path):
    assert is_gzip(tmp_path / "A.NII.GZ")
    assert not is_gzip(tmp_path / "a.gz.nii")
    (tmp_path / "a.nii").write_bytes(gzip.compress(b"1"))
    (tmp_path / "b.nii.gz").write_bytes(b"1")
    assert is_gzip(tmp_path / "a.nii")
    assert not is_gzip(tmp_path / "b.nii.gz")


def test_head(tmp_path):
    (tmp_path / "plain").write_bytes(b"123456")
    (tmp_path / "packed.gz").write_bytes(gzip.compress(b"123456"))
    for name in ("plain", "packed.gz"):
        assert head_of(tmp_path / name, 4) == b"1234"
        assert head_of(tmp_path / name, 99) == b"123456"
    (tmp_path / "false.gz").write_bytes(b"123456")
    assert head_of(tmp_path / "false.gz", 4) == b"1234"
    (tmp_path / "damaged.gz").write_bytes(gzip.compress(b"123456")[:-12])
    with pytest.raises(InputError, match="cannot be read as NIfTI"):
        head_of(tmp_path / "damaged.gz", 99)
    with pytest.raises(InputError, match="no such file"):
        head_of(tmp_path / "absent", 4)


def test_blocks_stop_at_the_end(tmp_path):
    (tmp_path / "plain").write_bytes(b"123456")
    with (tmp_path / "plain").open("rb") as file:
        assert b"".join(blocks(file, 2)) == b"12"
        assert b"".join(blocks(file, 3)) == b"345"
        assert b"".join(blocks(file, 0)) == b""
        with pytest.raises(EOFError):
            b"".join(blocks(file, 2))
        with pytest.raises(EOFError):
            b"".join(blocks(file, 1))


def test_equal_values_give_equal_gzip_bytes(tmp_path):
    for name in ("a.nii.gz", "b.nii.gz", "c.nii"):
        with create(tmp_path / name) as file:
            file.write(b"content")
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.nii.gz").read_bytes()) == b"content"
    assert (tmp_path / "c.nii").read_bytes() == b"content"
