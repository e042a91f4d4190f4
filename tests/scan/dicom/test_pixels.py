import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.pixels import pixel_array
from pydicom.uid import JPEGLossless, JPEGLosslessSV1

from dicom_making import TEST_FILES, enhanced, instance, placed, save, save_all
from vesalius.errors import InputError, VesaliusError
from vesalius.scan.dicom.header import read_instance
from vesalius.scan.dicom.pixels import DicomPixels
from vesalius.scan.dicom.series import list_series
from vesalius.scan.dicom.values import quiet

UNREADABLE = {
    "JPEG2000-embedded-sequence-delimiter.dcm": "the frame's own header is overwritten",
    "MR_truncated.dcm": "62 bytes of pixels are missing",
    "badVR.dcm": "NumberOfFrames is 1A",
}
"""Pictures among pydicom's files that pydicom cannot decode either."""
TWELVE_BITS = {"JPGExtended.dcm", "JPEG-lossy.dcm"}
"""Decodable here and by none of pydicom's permissive plug-ins."""
LOSSLESS_JPEG = {"SC_rgb_jpeg_gdcm.dcm"}
"""Of these, too; the same picture, without loss, is SC_rgb_rle.dcm."""


def pictures():
    """Every file of pydicom that has pixels."""
    found = []
    for path in sorted(TEST_FILES.glob("*.dcm")):
        with quiet():
            try:
                has_pixels = "PixelData" in dcmread(path) and "Rows" in dcmread(path)
            except Exception:
                has_pixels = False
        if has_pixels:
            found.append(path.name)
    return found


def stored_frames(scan):
    """Stored values in pydicom's layout: (N, J, I, C)."""
    array = scan.stored()
    assert 1 in (array.shape[1], array.shape[4])
    return array.transpose(1, 4, 3, 2, 0).reshape(-1, array.shape[3], array.shape[2], array.shape[0])


@pytest.mark.parametrize("name", pictures())
def test_every_picture_of_pydicom_is_read_as_pydicom_reads_it(name):
    if name in UNREADABLE:
        with pytest.raises(InputError) as caught:
            list_series([TEST_FILES / name])[0][0].open().stored()
        assert "\n" not in str(caught.value)
        return
    (found,) = list_series([TEST_FILES / name])[0]
    frames = stored_frames(found.open())
    with quiet():
        data = dcmread(TEST_FILES / name)
        if name in TWELVE_BITS:  # pydicom's own JPEG 2000 copy of the same picture, lossy too
            expected = pixel_array(dcmread(TEST_FILES / "JPEG2000.dcm"), raw=True)[None, ..., None]
            assert np.abs(frames.astype(int) - expected).mean() < 5
            return
        expected = pixel_array(dcmread(TEST_FILES / "SC_rgb_rle.dcm") if name in LOSSLESS_JPEG else data, raw=True)
    assert frames.dtype == expected.dtype.newbyteorder("<")
    np.testing.assert_array_equal(frames, expected.reshape(frames.shape))


def test_frames_and_slices_are_read_alone(tmp_path):
    frames = np.random.default_rng(0).integers(0, 1000, (6, 4, 5), dtype=np.int16)
    places = [(z, t, 30 * t, 1) for t in (1, 2) for z in (4, 0, 2)]
    facts = read_instance(save(enhanced(frames, places), tmp_path / "a.dcm"))
    order = np.array([[(0, 1), (0, 2), (0, 0)], [(0, 4), (0, 5), (0, 3)]])
    pixels = DicomPixels((facts.path,), (facts.pixels,), order)
    whole = pixels.read()
    assert pixels.shape == whole.shape == (1, 2, 5, 4, 3)
    for t in range(2):
        for k in range(3):
            np.testing.assert_array_equal(whole[0, t, :, :, k], frames[order[t, k, 1]].T)
    for t in (slice(1, 2), slice(None), slice(None, None, -1)):
        for k in (slice(0, 1), slice(None, None, 2), slice(2, 2)):
            np.testing.assert_array_equal(pixels.read(t, k), whole[:, t][..., k])


def test_only_the_files_asked_for_are_touched(tmp_path):
    paths = save_all([placed(np.full((2, 3), n, np.int16), (0, 0, n)) for n in range(3)], tmp_path)
    (found,) = list_series(paths)[0]
    scan = found.open()
    paths[2].unlink()
    assert scan.stored(k=slice(0, 2)).max() == 1
    with pytest.raises(InputError, match=r"2\.dcm: cannot be read"):
        scan.stored()


@pytest.mark.parametrize("syntax", [JPEGLossless, JPEGLosslessSV1])
@pytest.mark.parametrize("signed", [False, True])
def test_lossless_jpeg_of_sixteen_bits(tmp_path, syntax, signed):
    dtype = np.int16 if signed else np.uint16
    array = np.random.default_rng(0).integers(np.iinfo(dtype).min, np.iinfo(dtype).max, (20, 30), dtype=dtype)
    data = instance(array)
    frame = imagecodecs.jpeg_encode(array.view(np.uint16), lossless=True, bitspersample=16, predictor=1)
    data.PixelData = encapsulate([frame])
    data["PixelData"].is_undefined_length = True
    data.file_meta.TransferSyntaxUID = syntax
    (found,) = list_series([save(data, tmp_path / "a.dcm")])[0]
    np.testing.assert_array_equal(found.open().stored()[0, 0, :, :, 0], array.T)


@pytest.mark.parametrize(
    ("keyword", "vr", "dtype"), [("FloatPixelData", "OF", "<f4"), ("DoubleFloatPixelData", "OD", "<f8")]
)
def test_float_pixels(tmp_path, keyword, vr, dtype):
    array = np.array([[np.nan, -1.5], [np.inf, 1e-30]], dtype=dtype)
    data = instance(np.zeros((2, 2), np.int16), BitsAllocated=8 * array.itemsize)
    for gone in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        delattr(data, gone)
    setattr(data, keyword, array.tobytes())
    data[keyword].VR = vr
    (found,) = list_series([save(data, tmp_path / "a.dcm")])[0]
    stored = found.open().stored()
    assert stored.dtype == dtype
    np.testing.assert_array_equal(stored[0, 0, :, :, 0], array.T)


def test_excess_frames_and_padding_are_left_out(tmp_path):
    data = instance(np.arange(3 * 5, dtype=np.uint8).reshape(3, 5))
    data.PixelData += bytes(1000)
    (found,) = list_series([save(data, tmp_path / "a.dcm")])[0]
    np.testing.assert_array_equal(found.open().stored().reshape(5, 3), np.arange(15).reshape(3, 5).T)


DAMAGED = [
    name
    for name in pictures()
    if (TEST_FILES / name).stat().st_size < 12_000 and name not in UNREADABLE and name != "image_dfl.dcm"
]


def outcome(path):
    """The stored values, or the error line."""
    try:
        return [found.open().stored() for found in list_series([path])[0]]
    except VesaliusError as error:
        return str(error)


@settings(max_examples=60)
@given(name=st.sampled_from(DAMAGED), seed=st.integers(0, 2**31))
def test_damage_is_one_line_or_values(tmp_path_factory, name, seed):
    draw = np.random.default_rng(seed)
    data = bytearray((TEST_FILES / name).read_bytes())
    for _ in range(draw.integers(1, 20)):
        data[draw.integers(132, len(data))] = draw.integers(256)
    path = tmp_path_factory.mktemp("d") / "a.dcm"
    path.write_bytes(data[: draw.integers(132, len(data) + 1)] if seed % 4 == 0 else data)
    told = outcome(path)
    assert isinstance(told, list) or "\n" not in told


@pytest.mark.slow
def test_much_damage_is_one_line_or_values(tmp_path):
    names, path = pictures(), tmp_path / "a.dcm"
    for seed in range(4000):
        draw = np.random.default_rng(seed)
        data = bytearray((TEST_FILES / names[seed % len(names)]).read_bytes())
        for _ in range(draw.choice([1, 2, 5, 20, 100])):
            data[draw.integers(132, len(data))] = draw.integers(256)
        path.write_bytes(data)
        told = outcome(path)
        assert isinstance(told, list) or "\n" not in told, seed
