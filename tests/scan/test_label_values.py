import struct

import nibabel as nib
import numpy as np
import pytest
import tifffile
from PIL import Image

from vesalius.scan.intensity import Intensity
from vesalius.scan.label_values import NotLabelsError, label_map, read_labels
from vesalius.scan.nifti import read as nifti
from vesalius.scan.open import open_scan
from vesalius.scan.scan import Scan

FREESURFER = np.array([0, 2, 17, 41, 251, 1035, 2035])


def scan(values, **facts):
    return Scan.from_array(np.asarray(values).reshape(-1, 1, 1), **facts)


def read(path, labels, dtype, cls=nib.Nifti1Image):
    """Labels that nibabel stores as scaled integers of a type."""
    image = cls(np.asarray(labels, np.float64).reshape(-1, 1, 1), np.eye(4))
    image.set_data_dtype(dtype)
    nib.save(image, path)
    assert nib.load(path).dataobj.slope != 1
    return nifti.read(path)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 1, 5], True),
        ([0.0, 3.0], True),
        ([True, False], True),
        ([-1, 0], False),
        ([0, 6], False),
        ([0, 65537], False),
        ([0.5], False),
        ([np.nan, 1], False),
        ([np.inf, 1], False),
        ([1 + 0j], False),
        ([0.999], False),
        (np.float32([0.99999994, 4.9999995]), True),
        (np.float32([0.9999, 5]), False),
        ([1 + 4e-16, 5], True),
        ([1.00000004, 5], False),  # float64 holds it as it is: somebody meant it
    ],
)
def test_whole_numbers_within_bounds_and_the_precision_of_their_type(values, expected):
    if expected:
        np.testing.assert_array_equal(read_labels(scan(values), 0, 5).ravel(), np.rint(values))
    else:
        with pytest.raises(NotLabelsError, match="values other than whole numbers from 0 to 5"):
            read_labels(scan(values), 0, 5)


@pytest.mark.parametrize("cls", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize(
    ("labels", "dtype"),
    [
        (range(6), "u1"),
        (range(7), "u1"),  # 255 / 6 steps a label: 0.988 for 1
        (range(-1, 4), "i2"),
        (FREESURFER, "i2"),
        (FREESURFER, "i4"),
        (FREESURFER + 1000, "u2"),
    ],
)
def test_labels_that_nibabel_scaled_come_back(tmp_path, labels, dtype, cls):
    found = read(tmp_path / "a.nii", labels, dtype, cls)
    assert (found.values(dtype=np.float64).ravel() != labels).any()
    np.testing.assert_array_equal(read_labels(found, -1, 4000).ravel(), labels)


def test_steps_too_wide_for_labels_are_refused(tmp_path):
    with pytest.raises(NotLabelsError):
        read_labels(read(tmp_path / "a.nii", FREESURFER, "u1"), 0, 4000)  # steps of 8


def test_halves_and_images_stay_refused(tmp_path):
    for values, dtype in (([0, 0.5, 1, 2], "u1"), ([0, 0.5, 1, 2], "i2"), (np.linspace(0, 3, 99), "i2")):
        with pytest.raises(NotLabelsError):
            read_labels(read(tmp_path / "a.nii", values, dtype), 0, 9)
    for slope in (0.5, 0.1, 0.01):
        with pytest.raises(NotLabelsError):
            read_labels(scan(np.arange(40), intensity=Intensity.linear(slope, 0)), 0, 99)


def test_precision_of_the_slope_in_the_file(tmp_path):
    """0.2 as float32 is 0.200000003; five of it are 1.000000015. As float64 the same number is no rounding."""
    nib.save(nib.Nifti1Image(np.arange(0, 30, 5, np.int16).reshape(6, 1, 1), np.eye(4)), tmp_path / "a.nii")
    raw = bytearray((tmp_path / "a.nii").read_bytes())
    struct.pack_into("<2f", raw, 112, 0.2, 0)
    (tmp_path / "a.nii").write_bytes(raw)
    found = nifti.read(tmp_path / "a.nii")
    assert 0 < abs(found.values(dtype=np.float64)[0, 0, 1, 0, 0] - 1) < 1e-7
    np.testing.assert_array_equal(read_labels(found, 0, 5).ravel(), np.arange(6))
    stored = np.arange(0, 30, 5, dtype=np.float64)
    read_labels(scan(stored, intensity=Intensity.linear(0.2, 0)), 0, 5)
    with pytest.raises(NotLabelsError):
        read_labels(scan(stored, intensity=Intensity.linear(0.2 + 1e-9, 0)), 0, 5)


def test_several_channels_are_no_label_map():
    rgb = Scan.from_array(np.zeros((3, 1, 2, 2, 1), np.uint8), colour="rgb")
    with pytest.raises(NotLabelsError, match=r"has 3 channels \(rgb\), but a label map has one"):
        read_labels(rgb, 0, 5)


def test_no_voxel_no_fault():
    assert read_labels(Scan.from_array(np.zeros((1, 1, 0, 2, 1))), 0, 5).size == 0


LABELS = np.array([[0, 1, 2], [15, 1, 0]], np.uint8)


def coloured(path, labels=LABELS):
    """A picture whose palette gives the colours of Pascal VOC."""
    image = Image.fromarray(labels).convert("P")
    image.putdata(labels.ravel().tolist())
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, *[64, 0, 128] * 13])
    image.save(path)


@pytest.mark.parametrize("name", ["x.png", "x.tif"])
def test_a_picture_with_a_palette_is_its_colours_as_an_image_and_its_indices_as_a_label_map(tmp_path, name):
    coloured(tmp_path / name)
    image = open_scan(tmp_path / name)
    np.testing.assert_array_equal(image.stored()[:, 0, 2, 0, 0], [0, 128, 0])
    assert image.problems == ("palette colours are expanded to RGB",)
    mask = label_map(image)
    np.testing.assert_array_equal(read_labels(mask, 0, 15)[0, 0, :, :, 0].T, LABELS)
    assert mask.problems == ("the values are palette indices, not colours",)
    assert mask.colour == "grey"


def test_a_stack_of_pictures_and_what_has_no_palette(tmp_path):
    (tmp_path / "stack").mkdir()
    for number in range(3):
        coloured(tmp_path / f"stack/s-{number}.png", np.minimum(LABELS + np.uint8(number), 15))
    found = read_labels(label_map(open_scan(tmp_path / "stack")), 0, 99)
    np.testing.assert_array_equal(found[0, 0].transpose(2, 1, 0), [np.minimum(LABELS + n, 15) for n in range(3)])
    Image.fromarray(LABELS).save(tmp_path / "g.png")
    grey = open_scan(tmp_path / "g.png")
    assert label_map(grey) is grey
    volume = scan([1, 2])
    assert label_map(volume) is volume


def test_a_palette_of_few_bits_and_of_16(tmp_path):
    image = Image.fromarray(LABELS % 4).convert("P")
    image.putdata((LABELS % 4).ravel().tolist())
    image.putpalette([9, 9, 9] * 4)
    image.save(tmp_path / "x.png", bits=2)
    found = read_labels(label_map(open_scan(tmp_path / "x.png")), 0, 3)
    np.testing.assert_array_equal(found[0, 0, :, :, 0].T, LABELS % 4)
    wide = np.array([[0, 300], [2, 65535]], np.uint16)
    tifffile.imwrite(tmp_path / "x.tif", wide, photometric="palette", colormap=np.zeros((3, 65536), np.uint16))
    found = read_labels(label_map(open_scan(tmp_path / "x.tif")), 0, 65535)
    np.testing.assert_array_equal(found[0, 0, :, :, 0].T, wide)
