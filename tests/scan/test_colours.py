import nibabel as nib
import numpy as np
import pytest
from pydicom import dcmread, examples
from pydicom.pixels import convert_color_space

from dicom_making import placed, save
from vesalius.errors import UsageError
from vesalius.scan.colours import in_rgb, narrow_palette, ybr_to_rgb
from vesalius.scan.open import open_scan
from vesalius.scan.part import part
from vesalius.scan.scan import Scan
from vesalius.scan.write import write_scan

EVERY = np.stack(np.meshgrid(*[np.r_[0:256:5, 1, 127, 128, 129]] * 3), -1).astype(np.uint8).reshape(-1, 1, 3)


def test_ybr_as_pydicom_turns_it():
    scan = Scan.from_array(EVERY.transpose(2, 1, 0)[:, None, :, :, None], colour="ybr")
    shown = in_rgb(scan)
    expected = convert_color_space(EVERY, "YBR_FULL", "RGB")
    np.testing.assert_array_equal(shown.stored()[:, 0, 0, :, 0].T, expected[:, 0])
    assert (shown.colour, shown.dtype) == ("rgb", np.uint8)
    assert shown.problems == ("YBR colours are converted to RGB",)


def test_the_matrix_undoes_the_luminance_of_bt601():
    """Grey stays, and pure red has Y 0.299, Cb -0.169, Cr 0.5."""
    red = np.array([0.299 * 255, 128 - 0.299 / (2 - 2 * 0.114) * 255, 128 + 0.5 * 255])
    np.testing.assert_allclose(ybr_to_rgb(red, 0, 0, 255), [255, 0, 0], atol=1e-9)
    np.testing.assert_allclose(ybr_to_rgb(np.array([77, 128, 128]), 0, 0, 255), [77] * 3)
    np.testing.assert_allclose(ybr_to_rgb(np.array([[1000.0, 32768, 32768]]), 1, 0, 65535), [[1000] * 3])


def test_pieces_are_those_of_the_whole():
    ybr = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 6, 3)).astype("u1")
    shown = in_rgb(Scan.from_array(ybr, colour="ybr"))
    np.testing.assert_array_equal(shown.stored(slice(1, 3), slice(2, 3)), shown.stored()[:, 1:3, :, :, 2:3])


@pytest.mark.parametrize("colour", ["grey", "inverted", "rgb", "channels"])
def test_others_stay_as_they_are(colour):
    scan = Scan.from_array(np.zeros((2, 2, 2), "u1"), colour=colour)
    assert in_rgb(scan) is scan


def test_what_is_no_colour_is_refused():
    with pytest.raises(UsageError, match="palette of these indices is unknown"):
        in_rgb(Scan.from_array(np.zeros((2, 2, 2), "u1"), colour="palette"))
    with pytest.raises(UsageError, match=r"2 channel\(s\) of uint8 are not ybr"):
        in_rgb(Scan.from_array(np.zeros((2, 1, 2, 2, 2), "u1"), colour="ybr"))
    with pytest.raises(UsageError, match=r"3 channel\(s\) of int16 are not ybr"):
        in_rgb(Scan.from_array(np.zeros((3, 1, 2, 2, 2), "i2"), colour="ybr"))


def test_palettes_of_16_bits_become_8_where_they_hold_no_more():
    small = np.array([[0, 7, 255]], np.uint16)
    assert narrow_palette(small * 257).tolist() == narrow_palette(small << 8).tolist() == small.tolist()
    assert narrow_palette(small * 257).dtype == narrow_palette(small.astype("u1")).dtype == np.uint8
    fine = np.array([[0, 7, 300]], np.uint16)
    assert narrow_palette(fine).tolist() == fine.tolist()


def test_ybr_of_an_ultrasound_in_every_format(tmp_path):
    """pydicom's own picture, compressed as YBR_FULL_422; decoders may differ by rounding."""
    path = examples.get_path("ybr_color")
    scan = open_scan(path)
    expected = dcmread(path).pixel_array[0]
    for name in ("x.png", "x.tif", "x.npy"):
        written = write_scan(part(scan, t=0), tmp_path / name)
        assert "YBR colours are converted to RGB" in written.notes
        found = open_scan(tmp_path / name)
        picture = found.stored()[:, 0, :, :, 0].T.astype(int)
        assert np.abs(picture - expected).max() <= 2
        assert name == "x.npy" or found.colour == "rgb"


def test_a_slice_of_ybr_as_nifti_is_rgb24(tmp_path):
    rgb = np.random.default_rng(1).integers(0, 256, (6, 8, 3)).astype("u1")
    ybr = convert_color_space(rgb, "RGB", "YBR_FULL")
    save(placed(ybr, (0, 0, 0), PhotometricInterpretation="YBR_FULL"), tmp_path / "x.dcm")
    write_scan(open_scan(tmp_path / "x.dcm"), tmp_path / "x.nii")
    found = np.asarray(nib.load(tmp_path / "x.nii").dataobj)[:, :, 0]
    expected = convert_color_space(ybr, "YBR_FULL", "RGB")
    for number, name in enumerate("RGB"):
        np.testing.assert_array_equal(found[name].T, expected[..., number])
