import gzip
import struct
import zlib

import imagecodecs
import nibabel as nib
import numpy as np
import pytest
import tifffile
from PIL import Image

from dicom_making import TEST_FILES
from vesalius.codec.options import CompressConfig
from vesalius.errors import CorruptFileError, InputError
from vesalius.scan.nifti import pixels as nifti_pixels
from vesalius.scan.open import open_scan
from vesalius.scan.pictures import picture
from vesalius.scan.second_reader import read_again
from vesalius.tasks.compress.decompress import verify
from vesalius.tasks.compress.run import compress

RNG = np.random.default_rng(8)
GREY = RNG.integers(0, 255, (6, 5)).astype("u1")
FAST = CompressConfig(coder="deflate")


def nifti(path, shape=(4, 5, 3), dtype="<i2", kind=nib.Nifti1Image):
    array = RNG.integers(0, 200, shape).astype(dtype)
    image = kind(array, np.eye(4))
    image.header.set_data_dtype(dtype)
    image.header.set_slope_inter(2, -3)
    nib.save(image, path)
    return path


def make(kind, folder):
    """A small original of each kind that is compressed, and who reads it again."""
    path = folder / kind
    if kind.endswith((".nii", ".nii.gz", ".img")):
        shape = (4, 5, 3, 2) if "4d" in kind else (4, 5, 3)
        classes = {"a.img": nib.Nifti1Pair, "2.nii": nib.Nifti2Image}
        return nifti(path, shape, ">f4" if "4d" in kind else "<i2", classes.get(kind, nib.Nifti1Image)), "nibabel"
    if kind == "a.npy":
        np.save(path, np.asfortranarray(RNG.integers(0, 9, (2, 4, 5, 3))))
        return path, "numpy.load"
    if kind == "a.npz":
        np.savez_compressed(path, image=GREY.astype(">u2"))
        return path, "numpy.load"
    if kind in ("grey.png", "rgb.png"):
        Image.fromarray(GREY if kind == "grey.png" else RNG.integers(0, 255, (6, 5, 3)).astype("u1")).save(path)
        return path, "libpng"
    if kind == "bits.png":
        Image.fromarray(GREY > 99).save(path)
        return path, "libpng"
    if kind == "deep.png":
        path.write_bytes(imagecodecs.png_encode(GREY.astype("u2") * 200))
        return path, "Pillow"
    if kind == "pages.tif":
        tifffile.imwrite(
            path,
            RNG.integers(0, 9999, (3, 6, 5)).astype("u2"),
            compression="zlib",
            metadata=None,
            photometric="minisblack",
        )
        return path, "Pillow"
    compressed = any(word in kind for word in ("RLE", "rle", "jp"))
    return TEST_FILES / kind, "imagecodecs" if compressed else "the cells of Pixel Data"


KINDS = ["a.nii", "4d.nii.gz", "2.nii", "a.img", "a.npy", "a.npz", "grey.png", "rgb.png", "bits.png", "deep.png"]
KINDS += ["pages.tif", "CT_small.dcm", "MR_small_bigendian.dcm", "SC_rgb_small_odd.dcm", "MR_small_RLE.dcm"]
KINDS += ["MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm", "SC_rgb_rle.dcm"]


@pytest.mark.parametrize("kind", KINDS)
def test_two_readers_agree(kind, tmp_path):
    path, reader = make(kind, tmp_path)
    scan = open_scan(path)
    again, name = read_again(scan)
    assert name == reader
    assert (again.shape, again.dtype) == (scan.shape, scan.dtype)
    assert np.array_equal(again.stored(), scan.stored())
    assert again.pixels is not scan.pixels


def test_where_there_is_no_second_reader_none_is_named(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.jpg")
    (tmp_path / "deep.png").write_bytes(imagecodecs.png_encode(np.stack([GREY.astype("u2") * 9] * 3, axis=2)))
    for name in ("a.jpg", "deep.png"):
        scan = open_scan(tmp_path / name)
        assert read_again(scan) == (scan, None)


def test_a_fault_of_the_first_reader_does_not_cancel_out(tmp_path, monkeypatch):
    """A reader that loses the last slice of what it inflates gives the same before and behind: the second sees it."""
    path = nifti(tmp_path / "a.nii.gz")
    right = nifti_pixels.NiftiPixels.read

    def wrong(self, *places):
        array = right(self, *places).copy()
        array[..., -1] = 0
        return array

    monkeypatch.setattr(nifti_pixels.NiftiPixels, "read", wrong)
    compress([path], tmp_path / "a.vsl", FAST)
    with pytest.raises(CorruptFileError, match="differs from this original"):
        verify(tmp_path / "a.vsl", path)


def test_a_decoder_that_passes_over_damage_is_found_out(tmp_path, monkeypatch):
    """Pillow inflates a picture whatever its checksums say; libpng does not."""
    path, _ = make("grey.png", tmp_path)
    compress([path], tmp_path / "a.vsl", FAST)
    assert verify(tmp_path / "a.vsl", path).read_with == "libpng"
    data = path.read_bytes()
    at = data.index(b"IDAT")
    (length,) = struct.unpack(">L", data[at - 4 : at])
    rows = bytearray(zlib.decompress(data[at + 4 : at + 4 + length]))
    rows[3] ^= 1
    body = b"IDAT" + zlib.compress(bytes(rows))
    path.write_bytes(
        data[: at - 4]
        + struct.pack(">L", len(body) - 4)
        + body
        + zlib.crc32(body).to_bytes(4)
        + data[at + 8 + length :]
    )
    monkeypatch.setattr(picture.complete, "check_png", lambda *_: None)
    with pytest.raises(CorruptFileError, match="differs from this original"):
        verify(tmp_path / "a.vsl", path)


def test_the_second_reader_inflates_within_bounds(tmp_path):
    path = nifti(tmp_path / "a.nii.gz")
    scan = open_scan(path)
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + bytes(1 << 24)))
    with pytest.raises(Exception, match="more than"):
        read_again(scan)


@pytest.mark.parametrize("kind", ["a.nii.gz", "a.npz", "pages.tif", "MR_small_RLE.dcm"])
def test_memory_is_weighed_before_the_original_is_held_again(kind, tmp_path, memory_limit):
    scan = open_scan(make(kind, tmp_path)[0])
    size = scan.stored().nbytes
    memory_limit(3 * size - 1)
    with pytest.raises(InputError, match=r"needs .* of memory.*raise --memory, or verify without the original"):
        read_again(scan)
    memory_limit(3 * size)
    assert read_again(scan)[1] is not None


@pytest.mark.parametrize("kind", ["a.nii", "a.npy"])
def test_what_is_mapped_takes_none(kind, tmp_path, memory_limit):
    scan = open_scan(make(kind, tmp_path)[0])
    memory_limit(1)
    assert read_again(scan)[1] is not None


def test_a_decoder_that_gives_up_is_one_line(tmp_path):
    path = tmp_path / "a.dcm"
    data = bytearray((TEST_FILES / "MR_small_RLE.dcm").read_bytes())
    path.write_bytes(data)
    scan = open_scan(path)
    start, length = scan.native.pixels.elements[0].spans[0][0]
    data[start : start + length] = b"\xff" * length
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"a second reader finds it damaged"):
        read_again(scan)
