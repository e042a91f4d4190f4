import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vesalius.errors import CorruptFileError, InputError, UsageError
from vesalius.scan import raster
from vesalius.scan.native import Packed
from vesalius.scan.open import find_scans, open_scan
from vesalius.scan.scan import Scan


def _random(shape, dtype, seed=0):
    high = np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(0, high, size=shape, endpoint=True).astype(dtype)


def _back(scan, folder: Path, name: str) -> Path:
    target = folder / name
    raster.restore(scan.native.pack("default", None), scan.pixels, target, None)
    return target


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_eight_bit_png_is_what_pillow_reads_and_comes_back(tmp_path, mode):
    pixels = _random((7, 5, len(mode)), np.uint8)
    Image.fromarray(pixels.squeeze()).convert(mode).save(tmp_path / "a.png")
    theirs = np.asarray(Image.open(tmp_path / "a.png")).reshape(7, 5, -1)
    scan = raster.read(tmp_path / "a.png")
    assert scan.shape == (theirs.shape[2], 1, 5, 7, 1)
    assert np.array_equal(scan.stored()[:, 0, :, :, 0].transpose(2, 1, 0), theirs)
    assert scan.geometry is None
    assert np.array_equal(np.asarray(Image.open(_back(scan, tmp_path, "b.png"))).reshape(7, 5, -1), theirs)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_a_sample_stay_sixteen(tmp_path, channels):
    pixels = _random((6, 4, channels), np.uint16)
    source = Scan.from_array(pixels.transpose(2, 1, 0)[:, None, :, :, None])
    raster.write_picture(source, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes()[24] == 16
    scan = raster.read(tmp_path / "a.png")
    assert scan.dtype == np.uint16
    assert np.array_equal(scan.stored(), source.stored())
    assert np.array_equal(raster.read(_back(scan, tmp_path, "b.png")).stored(), source.stored())


def test_grey_sixteen_bit_png_is_what_pillow_reads(tmp_path):
    pixels = _random((6, 4), np.uint16)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert np.array_equal(raster.read(tmp_path / "a.png").stored()[0, 0, :, :, 0].T, pixels)


def test_bilevel_and_palette(tmp_path):
    Image.fromarray(_random((6, 9), np.uint8) > 99).save(tmp_path / "bits.png")
    bits = raster.read(tmp_path / "bits.png")
    assert set(np.unique(bits.stored())) == {0, 255}
    restored = Image.open(_back(bits, tmp_path, "bits-back.png"))
    assert restored.mode == "1"
    assert np.array_equal(np.asarray(restored), np.asarray(Image.open(tmp_path / "bits.png")))
    palette = Image.fromarray(_random((6, 9, 3), np.uint8)).quantize(8)
    palette.save(tmp_path / "palette.png")
    scan = raster.read(tmp_path / "palette.png")
    assert np.array_equal(scan.stored()[:, 0, :, :, 0].transpose(2, 1, 0), np.asarray(palette.convert("RGB")))
    assert any("palette" in problem for problem in scan.problems)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32])
@pytest.mark.parametrize("shape", [(3, 7, 5), (1, 7, 5), (2, 7, 5, 3)])
def test_tiff_pages_become_slices(tmp_path, dtype, shape):
    pages = (np.random.default_rng(1).normal(size=shape) * 50).astype(dtype)
    photometric = "rgb" if len(shape) == 4 else "minisblack"
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric=photometric)
    scan = raster.read(tmp_path / "a.tif")
    assert scan.shape == (shape[3] if len(shape) == 4 else 1, 1, 5, 7, shape[0])
    for page in range(shape[0]):
        ours = scan.stored(k=slice(page, page + 1))[:, 0, :, :, 0].transpose(2, 1, 0)
        assert np.array_equal(ours.squeeze(), pages[page].squeeze())
    restored = tifffile.imread(_back(scan, tmp_path, "b.tif"))
    assert restored.dtype == dtype
    assert np.array_equal(restored.squeeze(), pages.squeeze())


def test_planar_tiff(tmp_path):
    planes = _random((3, 7, 5), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate")
    assert np.array_equal(raster.read(tmp_path / "a.tif").stored()[:, 0, :, :, 0].transpose(0, 2, 1), planes)


def test_numbered_pictures_are_a_stack_in_numeric_order(tmp_path):
    folder = tmp_path / "stack"
    folder.mkdir()
    pictures = {number: _random((4, 6), np.uint16, number) for number in (1, 2, 10)}
    for number, picture in pictures.items():
        Image.fromarray(picture).save(folder / f"slice{number}.png")
    scan = open_scan(folder)
    assert scan.shape == (1, 1, 6, 4, 3)
    assert np.array_equal(scan.stored()[0, 0].transpose(2, 1, 0), np.stack([pictures[n] for n in (1, 2, 10)]))
    packed = scan.native.pack("default", None)
    assert packed.folder
    assert packed.warnings
    (tmp_path / "back").mkdir()
    raster.restore(packed, scan.pixels, tmp_path / "back", None)
    for number, picture in pictures.items():
        assert np.array_equal(np.asarray(Image.open(tmp_path / "back" / f"slice{number}.png")), picture)
    assert scan.native.pack("strip", None).facts["names"] == ["0000.png", "0001.png", "0002.png"]


def test_pictures_that_are_no_stack_stay_apart(tmp_path):
    for name, size in (("a1.png", 4), ("a2.png", 5)):
        Image.fromarray(_random((size, size), np.uint8)).save(tmp_path / name)
    assert len(find_scans(tmp_path)) == 2
    Image.fromarray(_random((4, 4), np.uint8)).save(tmp_path / "photo1.jpg")
    assert len(find_scans(tmp_path)) == 3


def test_jpeg_is_what_pillow_reads_and_notes_exif(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(_random((16, 8, 3), np.uint8)).save(tmp_path / "a.jpg", exif=exif)
    scan = raster.read(tmp_path / "a.jpg")
    assert np.array_equal(scan.stored()[:, 0, :, :, 0].transpose(2, 1, 0), np.asarray(Image.open(tmp_path / "a.jpg")))
    assert any("EXIF" in problem for problem in scan.problems)


def test_too_large_a_picture_is_refused_before_it_is_decoded(tmp_path):
    Image.fromarray(np.zeros((2, 2), np.uint8)).save(tmp_path / "a.png")
    data = bytearray((tmp_path / "a.png").read_bytes())
    data[16:24] = (60000).to_bytes(4, "big") * 2
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(InputError):
        raster.read(tmp_path / "a.png")


@given(st.integers(0, 400), st.integers(0, 255), st.booleans())
def test_damaged_pictures_are_one_line(position, value, cut):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".png", ".jpg", ".tif"):
            path = Path(folder) / f"a{suffix}"
            Image.fromarray(_random((9, 9), np.uint8)).save(path)
            data = bytearray(path.read_bytes())
            data[position % len(data)] = value
            path.write_bytes(data[: position % len(data)] if cut else data)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    assert raster.read(path).stored().size
            except InputError as error:
                assert "\n" not in str(error)


def test_hostile_names_are_refused(tmp_path):
    scan = Scan.from_array(np.zeros((2, 2, 1), np.uint8))
    for name in ("../a.png", "/a.png", ".a.png", ""):
        packed = Packed("raster", {"kind": "png", "bilevel": False, "names": [name]}, folder=True)
        with pytest.raises(CorruptFileError):
            raster.restore(packed, scan.pixels, tmp_path, None)


def test_what_png_cannot_hold_is_said(tmp_path):
    with pytest.raises(UsageError, match="no single picture"):
        raster.write_picture(Scan.from_array(np.zeros((2, 2, 3), np.uint8)), tmp_path / "a.png")
    with pytest.raises(UsageError, match="PNG cannot hold"):
        raster.write_picture(Scan.from_array(np.zeros((2, 2, 1), np.int16)), tmp_path / "a.png")
