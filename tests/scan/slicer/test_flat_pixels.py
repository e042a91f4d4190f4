import bz2
import gzip
import itertools
import math
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vesalius.errors import InputError
from vesalius.scan.slicer.flat_pixels import FileSpan, FlatPixels, beside

ENCODERS = {
    "raw": bytes,
    "zlib": zlib.compress,
    "bzip2": bz2.compress,
    "hex": lambda data: data.hex().encode(),
}


def slow_value(flat, sizes, axes, c, t, i, j, k):
    """The value at (c, t, i, j, k), found by walking the flat array as the legend says."""
    want = {"T": t, "I": i, "J": j, "K": k}
    channel_lengths = [size for size, axis in zip(sizes, axes, strict=True) if axis == "C"]
    channels, left = [], c
    for length in channel_lengths:
        channels.append(left % length)
        left //= length
    place, stride = 0, 1
    for size, axis in zip(sizes, axes, strict=True):
        place += stride * (channels.pop(0) if axis == "C" else want[axis])
        stride *= size
    return flat[place]


AXES = ["IJK", "CIJK", "IJKT", "IJKTC", "TIJK", "CIJKT", "ICJK", "IJ", "CIJ", "CIJKC", "KJI", "CCIJTK"]


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("encoding", ENCODERS)
def test_every_value_lies_where_its_axes_say(axes, encoding, tmp_path):
    sizes = tuple(2 + number % 3 for number in range(len(axes)))
    flat = np.arange(math.prod(sizes), dtype=">u2")
    path = tmp_path / "values"
    path.write_bytes(b"head" + ENCODERS[encoding](b"skip" + flat.tobytes()))
    pixels = FlatPixels((FileSpan(path, 4, 4),), encoding, flat.dtype, sizes, axes)
    pixels.check_length()
    array = pixels.read()
    assert array.shape == pixels.shape
    assert array.dtype == flat.dtype
    for place in itertools.product(*map(range, pixels.shape)):
        assert array[place] == slow_value(flat, sizes, axes, *place)
    part = pixels.read(slice(0, 1), slice(1, 3))
    assert np.array_equal(part, array[:, 0:1, :, :, 1:3])
    assert pixels.direct == (encoding == "raw")


def test_several_files_follow_each_other(tmp_path):
    flat = np.arange(24, dtype="<i4")
    for number in range(3):
        data = gzip.compress(flat[8 * number : 8 * number + 8].tobytes())
        (tmp_path / f"{number}.gz").write_bytes(b"x" * number + data)
    pieces = tuple(FileSpan(tmp_path / f"{number}.gz", number) for number in range(3))
    pixels = FlatPixels(pieces, "zlib", flat.dtype, (2, 4, 3), "IJK")
    pixels.check_length()
    assert np.array_equal(pixels.read()[0, 0], flat.reshape(2, 4, 3, order="F"))
    assert not pixels.direct


def test_gzip_of_several_members(tmp_path):
    flat = np.arange(8, dtype="<i4")
    path = tmp_path / "values.gz"
    path.write_bytes(gzip.compress(flat[:3].tobytes()) + gzip.compress(flat[3:].tobytes()))
    array = FlatPixels((FileSpan(path),), "zlib", flat.dtype, (2, 2, 2), "IJK").read()
    assert np.array_equal(array[0, 0], flat.reshape(2, 2, 2, order="F"))


@pytest.mark.parametrize(
    ("dtype", "text"), [("i2", "-5, 7\n 300 0"), ("f4", "-5 7e0 3.5 nan"), ("u8", f"0 1 2 {2**64 - 1}")]
)
def test_text(dtype, text, tmp_path):
    path = tmp_path / "values.txt"
    path.write_text(text)
    array = FlatPixels((FileSpan(path),), "text", np.dtype(dtype), (2, 2), "IJ").read()
    expected = [np.dtype(dtype).type(word) for word in text.replace(",", " ").split()]
    assert array.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(array.ravel(order="F"), np.array(expected))


@pytest.mark.parametrize("text", ["1 2 3", "1 2 3 x", "1 2 3 256", "1 2 3 -1", "1 2 3 \xff"])
def test_bad_text(text, tmp_path):
    path = tmp_path / "values.txt"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match="decoded"):
        FlatPixels((FileSpan(path),), "text", np.dtype("u1"), (2, 2), "IJ").read()


@pytest.mark.parametrize("encoding", ["raw", "zlib", "text", "hex"])
def test_a_header_that_promises_too_much_is_refused_before_reading(encoding, tmp_path):
    path = tmp_path / "values"
    path.write_bytes(b"12345678")
    pixels = FlatPixels((FileSpan(path),), encoding, np.dtype("u1"), (1 << 40, 1 << 20), "IJ")
    with pytest.raises(InputError, match="promises"):
        pixels.check_length()


def test_bzip2_that_ends_early(tmp_path, memory_limit):
    path = tmp_path / "values"
    path.write_bytes(bz2.compress(b"12345678"))
    pixels = FlatPixels((FileSpan(path),), "bzip2", np.dtype("u1"), (1 << 40, 1 << 20), "IJ")
    pixels.check_length()
    with pytest.raises(InputError, match="of memory"):
        pixels.read()
    memory_limit(1 << 62)
    with pytest.raises(InputError, match="end early: 8 bytes"):
        pixels.read()


@given(st.binary(max_size=60), st.sampled_from(["zlib", "bzip2", "hex", "text"]))
def test_noise_is_one_line_or_values(tmp_path_factory, noise, encoding):
    path = tmp_path_factory.mktemp("noise") / "values"
    path.write_bytes(noise)
    pixels = FlatPixels((FileSpan(path),), encoding, np.dtype("<u2"), (2, 2), "IJ")
    try:
        pixels.check_length()
        said = str(pixels.read().shape)
    except InputError as error:
        said = str(error)
    assert said == "(1, 1, 2, 2, 1)" or (str(path) in said and len(said.splitlines()) == 1)


def test_absent_and_uneven_files(tmp_path):
    with pytest.raises(InputError, match="absent"):
        FlatPixels((FileSpan(tmp_path / "no"),), "raw", np.dtype("u1"), (2, 2), "IJ").check_length()
    with pytest.raises(InputError, match="evenly"):
        FlatPixels((FileSpan(tmp_path / "no"),) * 3, "raw", np.dtype("u1"), (2, 2), "IJ").check_length()


def test_headers_do_not_lead_outside_their_folder(tmp_path):
    assert beside(tmp_path / "x.mhd", "sub/x.raw") == tmp_path / "sub" / "x.raw"
    for name in ("/etc/passwd", "../x.raw", "sub/../../x.raw"):
        with pytest.raises(InputError, match="outside its folder"):
            beside(tmp_path / "x.mhd", name)


@pytest.mark.parametrize(("name", "reason"), [("a\0b.raw", "a NUL character"), ("x" * 5000, "File name too long")])
def test_a_data_file_that_no_file_can_be_named(tmp_path, name, reason):
    with pytest.raises(InputError, match=f"names a data file that cannot be opened .*{reason}"):
        beside(tmp_path / "a.nhdr", name)
    assert beside(tmp_path / "a.nhdr", "absent.raw") == tmp_path / "absent.raw"  # its reader says that it is absent
