import json
from dataclasses import asdict

import imagecodecs
import nibabel as nib
import numpy as np
import pytest

from dicom_making import instance, placed, save, save_all
from real_data import real
from vesalius.codec.compress import compress_scan
from vesalius.codec.options import CompressConfig
from vesalius.errors import GeometryError, OutputError, UsageError
from vesalius.scan.geometry import to_world
from vesalius.scan.open import open_scan
from vesalius.scan.reading import Reading
from vesalius.scan.scan import Scan
from vesalius.scan.write import write_scan
from vesalius.tasks.convert import convert, lines

AFFINE = np.array([[-1.5, 0, 0, 5], [0, 2, 0, 6], [0, 0, 4, 7], [0, 0, 0, 1]])


@pytest.fixture
def source(tmp_path):
    array = np.random.default_rng(0).integers(-500, 1500, (1, 1, 6, 5, 4)).astype("i2")
    write_scan(Scan.from_array(array, AFFINE), tmp_path / "in.nii")
    return tmp_path / "in.nii"


@pytest.mark.parametrize("name", ["o.nii", "o.nii.gz", "o.npy", "o.npz", "o.tif"])
def test_values_are_kept(name, source, tmp_path):
    done = convert(source, tmp_path / name)
    assert done.path == str(tmp_path / name)
    assert np.array_equal(open_scan(tmp_path / name).stored(), open_scan(source).stored())
    assert json.loads(json.dumps(asdict(done)))["shape"] == [1, 1, 6, 5, 4]


def test_orientation(source, tmp_path):
    done = convert(source, tmp_path / "o.nii", orient="PIR")
    assert done.orientation == "PIR"
    turned, original = open_scan(tmp_path / "o.nii"), open_scan(source)
    image = nib.as_closest_canonical(nib.load(tmp_path / "o.nii"))
    np.testing.assert_array_equal(image.get_fdata(), nib.as_closest_canonical(nib.load(source)).get_fdata())
    np.testing.assert_allclose(to_world(turned.affine, [0, 0, 0]), to_world(original.affine, [5, 4, 3]))
    with pytest.raises(UsageError, match="not an orientation"):
        convert(source, tmp_path / "p.nii", orient="RRR")


def test_spacing(source, tmp_path):
    done = convert(source, tmp_path / "o.nii", spacing_mm=(3.0, 4.0, 4.0))
    assert done.spacing_mm == (3, 4, 4)


def test_a_vsl_file_is_read_too(source, tmp_path):
    compress_scan(open_scan(source), tmp_path / "in.vsl", CompressConfig(threads=1))
    convert(tmp_path / "in.vsl", tmp_path / "o.nii")
    assert np.array_equal(open_scan(tmp_path / "o.nii").stored(), open_scan(source).stored())
    np.testing.assert_allclose(open_scan(tmp_path / "o.nii").affine, AFFINE)


def test_pictures_are_windowed_where_png_cannot_hold_the_values(source, tmp_path):
    done = convert(source, tmp_path / "o.png")
    assert done.path == str(tmp_path / "o")
    assert done.dtype == "|u1"
    (note,) = done.notes
    low, high = (float(word) for word in note.split("from ")[1].split(" are")[0].split(" to "))
    values = open_scan(source).values()[0, 0]
    np.testing.assert_allclose((low, high), np.percentile(values, (0.5, 99.5)), rtol=1e-4)
    for k in range(4):
        picture = imagecodecs.png_decode((tmp_path / "o" / f"slice-{k:04d}.png").read_bytes())
        expected = np.clip((values[..., k].T - low) / (high - low), 0, 1) * 255
        assert np.abs(picture - expected).max() <= 0.6


def test_pictures_that_fit_stay_exact(tmp_path):
    array = np.random.default_rng(0).integers(0, 255, (3, 1, 6, 5, 1)).astype("u1")
    write_scan(Scan.from_array(array, colour="rgb"), tmp_path / "in.tif")
    done = convert(tmp_path / "in.tif", tmp_path / "o.png")
    assert done.notes == ()
    assert np.array_equal(open_scan(tmp_path / "o.png").stored(), array)


def test_inverted_pictures_are_drawn_right(tmp_path):
    array = np.arange(20, dtype="u1").reshape(1, 1, 4, 5, 1)
    write_scan(Scan.from_array(array, colour="inverted"), tmp_path / "in.tif")
    done = convert(tmp_path / "in.tif", tmp_path / "o.png")
    picture = open_scan(tmp_path / "o.png").stored()
    assert picture.ravel()[0] == 255
    assert picture.ravel()[-1] == 0
    low, high = (float(done.notes[0].split()[place]) for place in (3, 5))
    assert low > high  # the high value is drawn black
    assert done.notes[1] == "low values are bright, as the source states (MONOCHROME1)"


def test_refusals_name_the_input(tmp_path):
    np.save(tmp_path / "in.npy", np.ones((4, 5), "c8"))
    for name, error in (("o.nii", GeometryError), ("o.png", UsageError), ("o.jpg", UsageError)):
        with pytest.raises(error):
            convert(tmp_path / "in.npy", tmp_path / name)
    with pytest.raises(GeometryError, match=r"in\.npy"):
        convert(tmp_path / "in.npy", tmp_path / "o.nii")
    (tmp_path / "old.npy").touch()
    with pytest.raises(OutputError, match="exists already"):
        convert(tmp_path / "in.npy", tmp_path / "old.npy")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.npy", "old.npy"]


@pytest.mark.data
def test_a_tilted_series_needs_resampling(tmp_path):
    path = real("ct-head-tilted-dicom")
    with pytest.raises(GeometryError, match=r"tilt.*--resample"):
        convert(path, tmp_path / "o.nii.gz")
    done = convert(path, tmp_path / "o.nii.gz", resample=True)
    assert done.grid_problem is None
    assert (tmp_path / "o.nii.gz").exists()


def test_what_a_series_lost_is_noted(tmp_path):
    paths = save_all([placed(np.full((4, 6), n, np.int16), (0, 0, n)) for n in range(4)], tmp_path / "in")
    paths[3].write_bytes(paths[3].read_bytes()[:333])
    done = convert(tmp_path / "in", tmp_path / "o.nii")
    assert done.problems[-1] == f"1 file in its folder cannot be read and may be of this scan: {paths[3].name}"
    assert open_scan(tmp_path / "o.nii").stored()[0, 0, 0, 0].tolist() == [0, 1, 2]


def coded(path, sform, qform, pixdim=None):
    """A NIfTI file with these transform codes, whatever nibabel would make of them."""
    image = nib.Nifti1Image(np.arange(24, dtype="i2").reshape(2, 3, 4), AFFINE)
    image.header.set_qform(AFFINE, 1)
    nib.save(image, path)
    raw = bytearray(path.read_bytes())
    raw[252:256] = np.array([qform, sform], "<i2").tobytes()
    if pixdim is not None:
        raw[80:92] = np.array(pixdim, "<f4").tobytes()
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("codes", [(1, 1), (4, 4), (3, 1), (2, 0), (0, 5), (0, 0)])
@pytest.mark.parametrize("way", ["plain", "spacing", "orient", "vsl"])
def test_transform_codes_are_carried_through(codes, way, tmp_path):
    source = coded(tmp_path / "in.nii", *codes)
    options = {"spacing": {"spacing_mm": (3.0, 2.0, 4.0)}, "orient": {"orient": "RAS"}}.get(way, {})
    if codes == (0, 0) and way == "orient":
        with pytest.raises(UsageError, match="the orientation is unknown"):
            convert(source, tmp_path / "o.nii", **options)
        return
    if way == "vsl":
        compress_scan(open_scan(source), tmp_path / "in.vsl", CompressConfig(threads=1))
        source = tmp_path / "in.vsl"
    done = convert(source, tmp_path / "o.nii", **options)
    header = nib.load(tmp_path / "o.nii").header
    assert (int(header["sform_code"]), int(header["qform_code"])) == codes
    expected = [3, 2, 4] if way == "spacing" else [1.5, 2, 4]
    np.testing.assert_allclose(header["pixdim"][1:4], expected)
    assert (done.orientation is None) == (codes == (0, 0))


def test_the_spacing_is_chosen_and_written(tmp_path):
    source = coded(tmp_path / "in.nii", 1, 0, (0.5, 0.5, 8))
    done = convert(source, tmp_path / "o.nii")
    assert "two spacings: 1.5 x 2 x 4 mm by the sform, 0.5 x 0.5 x 8 mm by pixdim" in lines(done)[1]
    np.testing.assert_allclose(nib.load(tmp_path / "o.nii").affine, AFFINE)
    convert(source, tmp_path / "p.nii", reading=Reading(spacing_from="pixdim"))
    written = nib.load(tmp_path / "p.nii")
    np.testing.assert_allclose(written.affine, AFFINE * [[1 / 3, 1 / 4, 2, 1]])
    np.testing.assert_allclose(written.header.get_zooms(), [0.5, 0.5, 8])


def test_of_several_channels_the_first_is_drawn_and_that_is_told(tmp_path):
    write_scan(Scan.from_array(np.random.default_rng(0).random((4, 1, 6, 5, 1)), AFFINE), tmp_path / "in.nii")
    notes = convert(tmp_path / "in.nii", tmp_path / "o.png").notes
    assert notes[1:] == ("only the first of 4 channels is shown",)


def test_an_ultrasound_is_drawn_in_its_colours(tmp_path):
    """A red picture that is stored as Y, Cb, Cr, and the same read back from a .vsl file."""
    ybr = np.array([76, 85, 255], np.uint8) * np.ones((6, 8, 1), np.uint8)
    save(instance(ybr, PhotometricInterpretation="YBR_FULL"), tmp_path / "in.dcm")
    compress_scan(open_scan(tmp_path / "in.dcm"), tmp_path / "in.vsl", CompressConfig(threads=1), uid_key=b"k" * 32)
    for name in ("in.dcm", "in.vsl"):
        done = convert(tmp_path / name, tmp_path / f"{name}.png")
        assert "YBR colours are converted to RGB" in done.problems
        assert done.notes == ()
        drawn = imagecodecs.imread(tmp_path / f"{name}.png")
        np.testing.assert_array_equal(drawn, np.broadcast_to([254, 0, 0], (6, 8, 3)))


def test_a_palette_that_a_vsl_file_does_not_hold_is_refused(tmp_path):
    indices = np.arange(48, dtype=np.uint8).reshape(6, 8)
    words = {f"{name}PaletteColorLookupTableDescriptor": [48, 0, 8] for name in ("Red", "Green", "Blue")}
    words |= {f"{name}PaletteColorLookupTableData": bytes(range(48)) for name in ("Red", "Green", "Blue")}
    save(instance(indices, PhotometricInterpretation="PALETTE COLOR", **words), tmp_path / "in.dcm")
    compress_scan(open_scan(tmp_path / "in.dcm"), tmp_path / "in.vsl", CompressConfig(threads=1), uid_key=b"k" * 32)
    with pytest.raises(UsageError, match=r"in\.vsl: the palette of these indices is unknown.*vesalius decompress"):
        convert(tmp_path / "in.vsl", tmp_path / "o.png")


def test_two_spacings_are_still_told_of_a_vsl_file(tmp_path):
    source = coded(tmp_path / "in.nii", 1, 0, (0.5, 0.5, 8))
    compress_scan(open_scan(source), tmp_path / "in.vsl", CompressConfig(threads=1))
    assert "two spacings: 1.5 x 2 x 4 mm by the sform" in lines(convert(tmp_path / "in.vsl", tmp_path / "o.nii"))[1]
