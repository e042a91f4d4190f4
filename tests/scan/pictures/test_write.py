import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vesalius.scan.pictures.picture import look
from vesalius.scan.pictures.write import fits_png, photometric_of, write_png, write_tiff

RNG = np.random.default_rng(0)


def test_what_png_can_hold():
    fits = {
        (code, channels) for code in "?bBhHiIqQefdFD" for channels in range(6) if fits_png(np.dtype(code), channels)
    }
    assert fits == {("?", 1)} | {(code, channels) for code in "BH" for channels in (1, 2, 3, 4)}


@given(st.data())
def test_png_comes_back(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("png") / "x.png"
    dtype = data.draw(st.sampled_from(["?", "u1", "<u2", ">u2"]))
    channels = 1 if dtype == "?" else data.draw(st.integers(1, 4))
    shape = (data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9)), channels)
    array = np.random.default_rng(data.draw(st.integers(0, 99))).integers(0, 2 if dtype == "?" else 256, shape)
    array = (array * (257 if "2" in dtype else 1)).astype(dtype)
    write_png(path, array)
    (page,) = look(path).read([0])
    assert np.array_equal(page, array)


def test_png_is_read_by_pillow(tmp_path):
    array = RNG.integers(0, 65535, (5, 7, 1)).astype("u2")
    write_png(tmp_path / "x.png", array)
    with Image.open(tmp_path / "x.png") as image:
        assert np.array_equal(np.asarray(image), array[..., 0])


TYPES = [
    (dtype, n) for dtype in ["u1", "i1", "u2", ">i2", "u4", "i8", "f2", "f4", "f8", "c8", "c16"] for n in range(1, 6)
]


@pytest.mark.parametrize("byteorder", "<>")
@pytest.mark.parametrize(("dtype", "channels"), [("?", 1), *TYPES])
def test_tiff_comes_back_through_tifffile(dtype, byteorder, channels, tmp_path):
    array = RNG.integers(0, 2, (3, 5, 7, channels)).astype(dtype)
    write_tiff(tmp_path / "x.tif", iter(array), array.nbytes, photometric="minisblack", byteorder=byteorder)
    with tifffile.TiffFile(tmp_path / "x.tif") as file:
        assert file.byteorder == byteorder
        back = np.stack([page.asarray() for page in file.pages])
    assert np.array_equal(back.reshape(array.shape), array)
    assert back.dtype == array.dtype.newbyteorder("=")
    assert look(tmp_path / "x.tif").shape == (5, 7, channels)


@pytest.mark.parametrize(
    ("colour", "channels"), [("rgb", 3), ("inverted", 1), ("grey", 1), ("channels", 4), ("channels", 3)]
)
def test_tiff_keeps_the_colour(colour, channels, tmp_path):
    array = RNG.integers(0, 255, (1, 5, 7, channels)).astype("u1")
    write_tiff(tmp_path / "x.tif", array, array.nbytes, photometric=photometric_of(colour))
    assert look(tmp_path / "x.tif").colour == colour
