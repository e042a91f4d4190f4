import imagecodecs
import nibabel as nib
import numpy as np
import pytest
import tifffile
from PIL import Image

from vesalius.errors import GeometryError, OutputError, UsageError
from vesalius.scan.intensity import Intensity
from vesalius.scan.open import open_scan
from vesalius.scan.scan import Scan
from vesalius.scan.write import fits_png_exactly, write_scan

AFFINE = np.array([[0, -2.0, 0, 5], [3, 0, 0, 6], [0, 0, 4, 7], [0, 0, 0, 1]])


def scan(shape=(1, 1, 4, 5, 6), dtype="i2", **facts):
    array = np.random.default_rng(0).integers(0, 100, shape).astype(dtype)
    return Scan.from_array(array, facts.pop("affine", AFFINE), **facts)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".NII.GZ"])
def test_nifti(suffix, tmp_path):
    one = scan()
    written = write_scan(one, tmp_path / f"x{suffix}")
    assert (written.path, written.notes) == (tmp_path / f"x{suffix}", ())
    assert np.array_equal(open_scan(written.path).stored(), one.stored())
    with pytest.raises(GeometryError, match="no geometry"):
        write_scan(scan(affine=None), tmp_path / f"y{suffix}")
    assert [path.name for path in tmp_path.iterdir()] == [f"x{suffix}"]


@pytest.mark.parametrize(
    ("shape", "saved"),
    [((1, 1, 4, 5, 6), (4, 5, 6)), ((1, 3, 4, 5, 6), (3, 4, 5, 6)), ((2, 1, 4, 5, 6), (2, 1, 4, 5, 6))],
)
def test_numpy(shape, saved, tmp_path):
    one = scan(shape, frame_ms=tuple(10.0 * t for t in range(shape[1])), t_meaning="time")
    written = write_scan(one, tmp_path / "x.npy")
    assert np.load(tmp_path / "x.npy").shape == saved
    assert "no geometry" in written.notes[0]
    write_scan(one, tmp_path / "x.npz")
    for name in ("x.npy", "x.npz"):
        back = open_scan(tmp_path / name)
        assert back.dtype == one.dtype
        assert np.array_equal(back.stored(), one.stored())
    np.testing.assert_array_equal(back.affine, AFFINE)
    assert back.frame_ms == one.frame_ms


def test_numpy_holds_real_values(tmp_path):
    one = scan(intensity=Intensity.linear(0.5, -10), affine=None)
    assert write_scan(one, tmp_path / "x.npy").notes == ()
    assert np.array_equal(np.load(tmp_path / "x.npy"), one.values()[0, 0])
    write_scan(one, tmp_path / "x.npz")
    assert np.load(tmp_path / "x.npz").files == ["image"]


@pytest.mark.parametrize(("channels", "dtype"), [(1, "u1"), (1, "u2"), (3, "u1"), (4, "u2"), (1, "?")])
def test_one_png(channels, dtype, tmp_path):
    one = scan((channels, 1, 4, 5, 1), dtype, colour="rgb" if channels == 3 else "grey")
    assert fits_png_exactly(one)
    assert write_scan(one, tmp_path / "x.png").path == tmp_path / "x.png"
    picture = imagecodecs.png_decode((tmp_path / "x.png").read_bytes())
    assert picture.shape[:2] == (5, 4)
    assert np.array_equal(open_scan(tmp_path / "x.png").stored(), one.stored())


def test_png_holds_stored_values_and_says_so(tmp_path):
    one = scan((1, 1, 4, 5, 1), "u2", intensity=Intensity.linear(1, -1024))
    assert not fits_png_exactly(one)
    assert "slope and intercept" in write_scan(one, tmp_path / "x.png").notes[0]


@pytest.mark.parametrize(
    ("shape", "first", "last"),
    [
        ((1, 1, 4, 5, 3), "slice-0000.png", "slice-0002.png"),
        ((1, 2, 4, 5, 3), "frame-0000-slice-0000.png", "frame-0001-slice-0002.png"),
    ],
)
def test_several_pictures_are_a_folder(shape, first, last, tmp_path):
    one = scan(shape, "u1")
    written = write_scan(one, tmp_path / "x.png")
    assert written.path == tmp_path / "x"
    names = sorted(path.name for path in written.path.iterdir())
    assert (len(names), names[0], names[-1]) == (shape[1] * shape[4], first, last)
    picture = imagecodecs.png_decode((written.path / last).read_bytes())
    assert np.array_equal(picture, one.stored()[0, -1, :, :, -1].T)
    with pytest.raises(OutputError, match="exists already"):
        write_scan(one, tmp_path / "x.png")
    write_scan(one, tmp_path / "x.png", force=True)


def test_a_folder_of_slices_opens_as_the_same_stack(tmp_path):
    one = scan((3, 1, 4, 5, 12), "u1", colour="rgb")
    back = open_scan(write_scan(one, tmp_path / "x.png").path)
    assert np.array_equal(back.stored(), one.stored())
    assert back.colour == "rgb"


@pytest.mark.parametrize("shape", [(1, 1, 4, 5, 6), (1, 6, 4, 5, 1), (3, 1, 4, 5, 2)])
@pytest.mark.parametrize("dtype", ["i2", "f4", "u1"])
def test_tiff(shape, dtype, tmp_path):
    one = scan(shape, dtype, colour="rgb" if shape[0] == 3 and dtype == "u1" else "grey")
    assert "no geometry" in write_scan(one, tmp_path / "x.tif").notes[0]
    with tifffile.TiffFile(tmp_path / "x.tif") as file:
        pages = np.stack([page.asarray().reshape(5, 4, -1) for page in file.pages])
    expected = one.stored().transpose(1, 4, 3, 2, 0).reshape(-1, 5, 4, shape[0])
    assert np.array_equal(pages, expected)


def test_tiff_holds_real_values(tmp_path):
    one = scan(intensity=Intensity.linear(1, -1024), affine=None)
    assert write_scan(one, tmp_path / "x.tiff").notes == ()
    assert np.array_equal(open_scan(tmp_path / "x.tiff").stored(), one.values())


@pytest.mark.parametrize(
    ("one", "name", "what"),
    [
        (scan(), "x.png", "PNG cannot hold 1 channel"),
        (scan((1, 1, 4, 5, 1), "f4"), "x.png", "PNG cannot hold"),
        (scan((1, 2, 4, 5, 3)), "x.tif", "2 frames of 3 slices"),
        (scan(dtype=np.longdouble), "x.tif", "TIFF cannot hold"),
        (scan(), "x.jpg", r"the suffix of the output is unknown; end the name with one of \.nii\.gz, \.nii, \.npy"),
        (scan(), "x", "the suffix of the output is unknown"),
    ],
)
def test_what_a_format_cannot_hold(one, name, what, tmp_path):
    with pytest.raises(UsageError, match=what):
        write_scan(one, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x.nii", "x.npy", "x.npz", "x.tif"])
def test_nothing_is_replaced_without_force(name, tmp_path):
    (tmp_path / name).write_bytes(b"old")
    with pytest.raises(OutputError, match="exists already"):
        write_scan(scan(), tmp_path / name)
    assert (tmp_path / name).read_bytes() == b"old"
    write_scan(scan(), tmp_path / name, force=True)
    assert (tmp_path / name).read_bytes() != b"old"


def test_nibabel_reads_what_was_written(tmp_path):
    one = scan((1, 3, 4, 5, 6), frame_ms=(0.0, 20, 40), t_meaning="time")
    write_scan(one, tmp_path / "x.nii.gz")
    image = nib.load(tmp_path / "x.nii.gz")
    np.testing.assert_array_equal(image.affine, AFFINE)
    assert image.header.get_zooms()[3] == 20


@pytest.mark.parametrize("suffix", [".nii", ".npy", ".npz"])
def test_formats_that_cannot_say_that_low_is_bright_say_so(suffix, tmp_path):
    one = scan((1, 1, 4, 5, 1), "u2", colour="inverted")
    notes = write_scan(one, tmp_path / f"x{suffix}").notes
    assert notes[-1] == "low values are bright (MONOCHROME1): the values are kept, the file cannot state it"
    assert np.array_equal(open_scan(tmp_path / f"x{suffix}").stored().ravel(), one.stored().ravel())


def test_tiff_says_that_low_is_bright(tmp_path):
    one = scan((1, 1, 4, 5, 1), "u1", colour="inverted", affine=None)
    assert write_scan(one, tmp_path / "x.tif").notes == ()
    with tifffile.TiffFile(tmp_path / "x.tif") as file:
        assert file.pages[0].photometric.name == "MINISWHITE"
        assert np.array_equal(file.pages[0].asarray(), one.stored()[0, 0, :, :, 0].T)
    with Image.open(tmp_path / "x.tif") as image:  # Pillow inverts such a picture
        assert np.array_equal(np.asarray(image), 255 - one.stored()[0, 0, :, :, 0].T)
    assert open_scan(tmp_path / "x.tif").colour == "inverted"


@pytest.mark.parametrize(("dtype", "top"), [("u1", 255), ("u2", 65535)])
@pytest.mark.parametrize("slices", [1, 2])
def test_png_is_drawn_like_the_source(dtype, top, slices, tmp_path):
    one = scan((1, 1, 4, 5, slices), dtype, colour="inverted")
    written = write_scan(one, tmp_path / "x.png")
    assert "the values are inverted" in written.notes[0]
    file = written.path if slices == 1 else written.path / "slice-0001.png"
    assert np.array_equal(imagecodecs.imread(file), top - one.stored()[0, 0, :, :, slices - 1].T)


def test_channels_of_no_stated_meaning_are_told_in_png(tmp_path):
    for channels in (3, 4):
        notes = write_scan(scan((channels, 1, 4, 5, 1), "u1", colour="channels"), tmp_path / f"{channels}.png").notes
        assert notes == (f"{channels} channels are written as red, green, blue (and alpha), whatever they mean",)
