"""Levels of radiographs against pydicom's own, and the same picture as DICOM and as JPEG."""

import numpy as np
import pytest
from PIL import Image
from pydicom.pixels import apply_voi_lut
from pydicom.uid import DigitalXRayImageStorageForPresentation
from scipy import ndimage

from dicom_making import instance, save, sequence
from vesalius.scan.display_state import DisplayState
from vesalius.scan.open import open_scan
from vesalius.scan.scan import Scan
from vesalius.transforms.prepare import Prepare
from vesalius.transforms.shown import shown, squared

PREPARE = Prepare.build(layout="CJI", intensity="shown")
SIZED = Prepare.build(layout="CJI", intensity="shown", steps=[{"name": "resize", "size": [32, 32]}])


def words(entries):
    return np.array(entries).astype("<u2").tobytes()


def radiograph(array, path, **attributes):
    """Write a DX instance; returns its data set and the opened scan."""
    data = instance(array, sop_class=DigitalXRayImageStorageForPresentation, Modality="DX", **attributes)
    data.PhotometricInterpretation = attributes.get("PhotometricInterpretation", "MONOCHROME2")
    return data, open_scan(save(data, path))


def chest(bits, seed=0):
    """A smooth picture that uses a part of the range of its bits."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(96, 80)), 6)
    scaled = (noise - noise.min()) / np.ptp(noise)
    return np.rint((0.1 + 0.7 * scaled) * ((1 << bits) - 1)).astype(np.uint16)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("function", [None, "LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("width_share", [0.3, 1.0])
def test_windows_equal_pydicom(tmp_path, bits, function, width_share):
    array, top = chest(bits), (1 << bits) - 1
    stated = {"WindowCenter": round(0.45 * top), "WindowWidth": round(width_share * top), "VOILUTFunction": function}
    data, scan = radiograph(array, tmp_path / "x.dcm", BitsStored=bits, HighBit=bits - 1, **stated)
    np.testing.assert_allclose(PREPARE(scan)[0], apply_voi_lut(array, data) / top, atol=1e-6)


def test_a_window_after_rescaling_equals_pydicom(tmp_path):
    array = chest(12)
    data, scan = radiograph(
        array, tmp_path / "x.dcm", BitsStored=12, HighBit=11, RescaleSlope=2, RescaleIntercept=-1000,
        WindowCenter=3000, WindowWidth=5000,
    )  # fmt: skip
    low, high = -1000, 2 * 4095 - 1000
    expected = (apply_voi_lut(array * 2.0 - 1000, data) - low) / (high - low)
    np.testing.assert_allclose(PREPARE(scan)[0], expected, atol=1e-6)


def test_a_width_of_one_is_a_threshold(tmp_path):
    array = np.arange(16, dtype=np.uint16).reshape(4, 4)
    data, scan = radiograph(array, tmp_path / "x.dcm", WindowCenter=8, WindowWidth=1)
    np.testing.assert_array_equal(PREPARE(scan)[0], apply_voi_lut(array, data) / 65535)


@pytest.mark.parametrize("bits", [10, 12, 16])
@pytest.mark.parametrize("first", [0, 700])
def test_tables_equal_pydicom(tmp_path, bits, first):
    array, count = chest(12), 3000
    curve = np.linspace(0, 1, count) ** 2 * ((1 << bits) - 1)
    table = sequence(LUTDescriptor=[count, first, bits], LUTData=words(curve))
    data, scan = radiograph(array, tmp_path / "x.dcm", BitsStored=12, HighBit=11, VOILUTSequence=table)
    np.testing.assert_allclose(PREPARE(scan)[0], apply_voi_lut(array, data) / ((1 << bits) - 1), atol=1e-6)


def test_a_signed_table_equals_pydicom(tmp_path):
    array = (chest(12).astype(int) - 2000).astype(np.int16)
    table = sequence(LUTDescriptor=[4096, -2000, 12], LUTData=words(range(4096)))
    table[0]["LUTDescriptor"].VR = "SS"
    data, scan = radiograph(array, tmp_path / "x.dcm", BitsStored=12, HighBit=11, VOILUTSequence=table)
    np.testing.assert_allclose(PREPARE(scan)[0], apply_voi_lut(array, data) / 4095, atol=1e-6)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("kind", ["window", "sigmoid", "table", "nothing"])
def test_a_dicom_and_its_jpeg_give_nearly_the_same_input(tmp_path, photometric, kind):
    """The pipeline of public data sets: VOI LUT, low values dark, 8 bits, JPEG of quality 95."""
    array = chest(12)
    stated = {
        "window": {"WindowCenter": 1900, "WindowWidth": 2500},
        "sigmoid": {"WindowCenter": 1900, "WindowWidth": 2500, "VOILUTFunction": "SIGMOID"},
        "table": {
            "VOILUTSequence": sequence(
                LUTDescriptor=[4096, 0, 12], LUTData=words(np.linspace(0, 1, 4096) ** 0.7 * 4095)
            )
        },
        "nothing": {},
    }[kind]
    stated["PresentationLUTShape"] = "INVERSE" if photometric == "MONOCHROME1" else "IDENTITY"
    data, scan = radiograph(
        array, tmp_path / "x.dcm", BitsStored=12, HighBit=11, PhotometricInterpretation=photometric, **stated
    )
    levels = apply_voi_lut(array, data).astype(float)
    levels = (levels - levels.min()) / np.ptp(levels) if kind == "nothing" else levels / 4095
    levels = 1 - levels if photometric == "MONOCHROME1" else levels
    Image.fromarray(np.rint(levels * 255).astype(np.uint8)).save(tmp_path / "x.jpg", quality=95)
    ours, of_jpeg = SIZED(scan), SIZED(open_scan(tmp_path / "x.jpg"))
    assert np.abs(ours - of_jpeg).max() < 0.01
    assert ours.std() > 0.05


def test_padding_is_black_and_decides_no_range(tmp_path):
    array = np.full((4, 4), 1000, np.uint16)
    array[1:3, 1:3] = [[1200, 1400], [1600, 2000]]
    array[0] = 65535
    for photometric, levels in (("MONOCHROME2", [0.2, 0.4, 0.6, 1.0]), ("MONOCHROME1", [0.8, 0.6, 0.4, 0.0])):
        _, scan = radiograph(
            array, tmp_path / f"{photometric}.dcm", PixelPaddingValue=65535, PhotometricInterpretation=photometric
        )
        prepared = PREPARE(scan)[0]
        np.testing.assert_allclose(prepared[1:3, 1:3].ravel(), levels, atol=1e-6)
        np.testing.assert_array_equal(prepared[0], 0)


def test_pixels_become_square_with_their_mask(tmp_path):
    array = chest(12)
    _, scan = radiograph(array, tmp_path / "x.dcm", ImagerPixelSpacing=[0.4, 0.2])
    mask = Scan.from_array((array > 2000).T[:, :, None].astype(np.uint8))
    sample = PREPARE.sample(scan, {"mask": mask})
    assert sample.image.shape == sample.masks["mask"].shape == (1, 192, 80)
    assert (sample.masks["mask"] == ((array > 2000).repeat(2, axis=0))).mean() > 0.99
    assert Prepare.build(layout="CJI")(scan).shape == (1, 96, 80)


def test_a_mirrored_projection_stands_upright_with_its_mask(tmp_path):
    array = chest(12)
    _, scan = radiograph(array, tmp_path / "x.dcm", PatientOrientation=["R", "H"])
    mask = Scan.from_array((array > 2000).T[:, :, None].astype(np.uint8))
    upright = Prepare.build(layout="CJI", intensity="shown", plane="upright").sample(scan, {"mask": mask})
    plain = PREPARE.sample(scan, {"mask": mask})
    np.testing.assert_array_equal(upright.image, plain.image[:, ::-1, ::-1])
    np.testing.assert_array_equal(upright.masks["mask"], plain.masks["mask"][:, ::-1, ::-1])


def test_colours_and_constant_pictures():
    colours = Scan.from_array(np.full((3, 1, 2, 2, 1), 51, np.uint8), colour="rgb")
    np.testing.assert_allclose(PREPARE(colours), 0.2)
    constant = Scan.from_array(np.full((2, 2, 1), 7, np.uint16))
    np.testing.assert_array_equal(shown(constant, constant.values()), 0)
    hidden = Scan.from_array(np.full((2, 2, 1), 7, np.uint16), display_state=DisplayState(padding=(7, 7)))
    np.testing.assert_array_equal(shown(hidden, hidden.values()), 0)


def test_the_finer_axis_is_kept():
    x_BCJI = np.random.default_rng(0).random((2, 1, 6, 8)).astype(np.float32)
    assert squared(x_BCJI, 1.5).shape == (2, 1, 9, 8)
    assert squared(x_BCJI, 0.5).shape == (2, 1, 6, 16)
    assert squared(x_BCJI, 1.0) is x_BCJI
