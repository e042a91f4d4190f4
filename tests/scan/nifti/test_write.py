import gzip

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vesalius.errors import GeometryError, UsageError
from vesalius.scan.geometry import shear_degrees
from vesalius.scan.intensity import Intensity
from vesalius.scan.nifti.read import read
from vesalius.scan.nifti.write import write_nifti
from vesalius.scan.scan import Scan
from vesalius.scan.stack import SliceStack

LEGAL = ["u1", "i1", "<i2", ">i2", "<u2", ">u2", "<i4", "<u4", "<i8", "<u8", "<f4", ">f4", "<f8", "<c8", ">c16"]


def noise(shape, dtype, seed=0):
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return np.random.default_rng(seed).random(shape) < 0.5
    raw = np.random.default_rng(seed).bytes(int(np.prod(shape)) * dtype.itemsize)
    return np.frombuffer(raw, dtype).reshape(shape)


def random_affine(rng, shear=False):
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    if shear:
        turn = turn @ (np.eye(3) + np.triu(rng.uniform(-0.2, 0.2, (3, 3)), 1))
    affine = np.eye(4)
    affine[:3, :3] = turn * rng.uniform(0.3, 9, 3)
    affine[:3, 3] = rng.uniform(-300, 300, 3)
    return affine


@settings(max_examples=80)
@given(st.data())
def test_stored_values_and_affine_come_back(tmp_path_factory, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    shape = tuple(data.draw(st.integers(1, 4)) for _ in "CTIJK")
    dtype = data.draw(st.sampled_from(LEGAL))
    affine = random_affine(rng, data.draw(st.booleans()))
    scan = Scan.from_array(noise(shape, dtype, 1), affine)
    path = tmp_path_factory.mktemp("nifti") / data.draw(st.sampled_from(["x.nii", "x.nii.gz"]))
    write_nifti(scan, path)
    back = read(path)
    assert back.dtype == np.dtype(dtype).newbyteorder("<")
    np.testing.assert_array_equal(back.stored(), scan.stored().astype(back.dtype))
    np.testing.assert_allclose(back.affine, affine, rtol=2e-7, atol=2e-5)
    image = nib.load(path)
    assert image.get_sform(coded=True)[1] == 2
    qform, code = image.get_qform(coded=True)
    assert code == (2 if shear_degrees(affine) <= 0.01 else 0)
    if code:
        np.testing.assert_allclose(qform, affine, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(image.header.get_zooms()[:3], np.linalg.norm(affine[:3, :3], axis=0), rtol=1e-6)
    assert image.header.get_xyzt_units()[0] == "mm"


@pytest.mark.parametrize(
    ("dtype", "written"), [("?", "u1"), ("f2", "f4"), (np.longdouble, "f8"), (np.clongdouble, "c16")]
)
def test_dtypes_that_nifti_does_not_know(dtype, written, tmp_path):
    array = np.random.default_rng(0).integers(0, 2, (3, 4, 5)).astype(dtype)
    write_nifti(Scan.from_array(array, np.eye(4)), tmp_path / "x.nii")
    back = read(tmp_path / "x.nii")
    assert back.dtype == np.dtype(written)
    np.testing.assert_array_equal(back.stored()[0, 0], array.astype(written))


@pytest.mark.parametrize(("slope", "inter"), [(1, -1024), (0.5, 3), (-2, 0), (1, 0)])
def test_slope_and_intercept_are_kept(slope, inter, tmp_path):
    array = np.random.default_rng(0).integers(-99, 99, (3, 4, 5)).astype("i2")
    write_nifti(Scan.from_array(array, np.eye(4), intensity=Intensity.linear(slope, inter)), tmp_path / "x.nii.gz")
    back = read(tmp_path / "x.nii.gz")
    assert np.array_equal(back.stored()[0, 0], array)
    np.testing.assert_array_equal(nib.load(tmp_path / "x.nii.gz").get_fdata(), array * float(slope) + inter)


@pytest.mark.parametrize(
    "intensity",
    [
        Intensity(np.arange(1.0, 7).reshape(2, 3), np.ones((2, 3))),
        Intensity.linear(0, 7),
        Intensity.linear(1e-60, 0),
        Intensity.linear(1, 1e60),
    ],
    ids=["each slice", "zero", "tiny", "huge"],
)
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_other_maps_are_written_as_real_values(intensity, tmp_path):
    array = np.random.default_rng(0).integers(-99, 99, (1, 2, 4, 5, 3)).astype("i2")
    scan = Scan.from_array(array, np.eye(4), intensity=intensity)
    write_nifti(scan, tmp_path / "x.nii")
    back = read(tmp_path / "x.nii")
    assert back.dtype == np.dtype("<f4")
    assert back.intensity.is_identity
    np.testing.assert_array_equal(back.stored(), scan.values())


def test_even_frame_times_are_kept(tmp_path):
    array = np.zeros((1, 4, 2, 2, 2), "u1")
    times = tuple(12.5 + 41.7 * n for n in range(4))
    scan = Scan.from_array(array, np.eye(4), frame_ms=times, t_meaning="time")
    assert write_nifti(scan, tmp_path / "x.nii") == ()
    back = read(tmp_path / "x.nii")
    np.testing.assert_allclose(back.frame_ms, times, rtol=1e-6)
    assert nib.load(tmp_path / "x.nii").header.get_xyzt_units() == ("mm", "msec")


@pytest.mark.parametrize("times", [None, (0, 10, 30, 40), (0, 0, 0, 0), (30, 20, 10, 0)])
def test_other_frame_times_are_told(times, tmp_path):
    scan = Scan.from_array(np.zeros((1, 4, 2, 2, 2), "u1"), np.eye(4), frame_ms=times)
    (note,) = write_nifti(scan, tmp_path / "x.nii")
    assert "frame" in note
    assert read(tmp_path / "x.nii").frame_ms is None


def test_long_axes_make_nifti_2(tmp_path):
    for length, cls in ((32767, nib.Nifti1Image), (32768, nib.Nifti2Image)):
        array = np.arange(length, dtype="<u2").reshape(length, 1, 1)
        write_nifti(Scan.from_array(array, np.eye(4)), tmp_path / "x.nii")
        assert type(nib.load(tmp_path / "x.nii")) is cls
        assert np.array_equal(read(tmp_path / "x.nii").stored()[0, 0], array)


def test_channels_are_dim_5(tmp_path):
    array = noise((3, 1, 4, 5, 2), "u1")
    write_nifti(Scan.from_array(array, np.eye(4), colour="channels"), tmp_path / "x.nii")
    image = nib.load(tmp_path / "x.nii")
    assert image.shape == (4, 5, 2, 1, 3)
    assert image.header.get_intent()[0] == "vector"
    assert np.array_equal(np.asanyarray(image.dataobj)[:, :, :, 0].transpose(3, 0, 1, 2), array[:, 0])


def test_the_header_is_plain_and_the_bytes_repeat(tmp_path):
    scan = Scan.from_array(noise((4, 3, 2), "<i2"), np.diag([-2.0, 3, 4, 1]))
    for name in ("x.nii", "x.nii.gz", "y.nii.gz"):
        write_nifti(scan, tmp_path / name)
    assert (tmp_path / "x.nii.gz").read_bytes() == (tmp_path / "y.nii.gz").read_bytes()
    plain = (tmp_path / "x.nii").read_bytes()
    assert gzip.decompress((tmp_path / "x.nii.gz").read_bytes()) == plain
    assert len(plain) == 352 + 48
    assert plain[348:352] == bytes(4)


def test_scans_without_a_place_are_refused(tmp_path):
    with pytest.raises(GeometryError, match="no geometry"):
        write_nifti(Scan.from_array(np.zeros((2, 2, 2))), tmp_path / "x.nii")
    tilted = SliceStack(np.array([[0, 0, 0], [0, 3.0, 5]]), np.tile([1.0, 0, 0], (2, 1)), np.tile([0, 1.0, 0], (2, 1)))
    with pytest.raises(GeometryError, match="tilt"):
        write_nifti(Scan.from_array(np.zeros((2, 2, 2)), geometry=tilted), tmp_path / "x.nii")
    with pytest.raises(UsageError, match="not a NIfTI name"):
        write_nifti(Scan.from_array(np.zeros((2, 2, 2)), np.eye(4)), tmp_path / "x.img")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("spaces", "codes"),
    [
        ((), (2, 2)),
        (("scanner",), (1, 1)),
        (("mni",), (4, 4)),
        (("template", "scanner"), (5, 1)),
        (("aligned", "unknown"), (2, 0)),
        (("unknown", "talairach"), (0, 3)),
        (("unknown",), (0, 0)),
    ],
)
def test_transform_codes_are_those_of_the_scan(spaces, codes, tmp_path):
    affine = np.diag([2.0, 3, 4, 1])
    scan = Scan.from_array(noise((1, 1, 3, 4, 5), "i2", 0), affine, spaces=spaces)
    write_nifti(scan, tmp_path / "x.nii")
    header = nib.load(tmp_path / "x.nii").header
    assert (int(header["sform_code"]), int(header["qform_code"])) == codes
    back = read(tmp_path / "x.nii")
    np.testing.assert_array_equal(back.affine, affine)
    assert back.spaces == (spaces or ("aligned",))


def test_a_sheared_grid_keeps_the_code_of_its_qform(tmp_path):
    affine = np.eye(4)
    affine[0, 2] = 0.5
    write_nifti(Scan.from_array(np.zeros((2, 2, 2), "i2"), affine, spaces=("unknown", "mni")), tmp_path / "x.nii")
    header = nib.load(tmp_path / "x.nii").header
    assert (int(header["sform_code"]), int(header["qform_code"])) == (4, 0)
    np.testing.assert_array_equal(read(tmp_path / "x.nii").affine, affine)


def test_colours_of_8_bits_are_rgb24(tmp_path):
    array = noise((3, 2, 4, 5, 2), "u1")
    assert write_nifti(Scan.from_array(array, np.eye(4), colour="rgb", frame_ms=(0, 40)), tmp_path / "x.nii.gz") == ()
    image = nib.load(tmp_path / "x.nii.gz")
    assert image.shape == (4, 5, 2, 2)
    found = np.asarray(image.dataobj)
    for channel, name in enumerate("RGB"):
        np.testing.assert_array_equal(found[name], np.moveaxis(array[channel], 0, -1))
    back = read(tmp_path / "x.nii.gz")
    assert back.colour == "rgb"
    np.testing.assert_array_equal(back.stored(), array)


def test_colours_that_nifti_does_not_know_become_channels_with_a_note(tmp_path):
    scan = Scan.from_array(noise((3, 1, 4, 5, 2), "u2"), np.eye(4), colour="rgb")
    assert write_nifti(scan, tmp_path / "x.nii") == (
        "NIfTI has no uint16 colours: red, green and blue are written as channels",
    )
    assert nib.load(tmp_path / "x.nii").shape == (4, 5, 2, 1, 3)
