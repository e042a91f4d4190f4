import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from real_data import real
from vesalius.errors import CorruptFileError, UsageError
from vesalius.scan.native import Packed, writer
from vesalius.scan.pictures.stack import list_stack, read, restore

RNG = np.random.default_rng(0)


def picture(path, seed=0, size=(5, 7), dtype="u1"):
    array = np.random.default_rng(seed).integers(0, 255, size).astype(dtype)
    Image.fromarray(array).save(path)
    return array


def find_stack(folder):
    """The stack in a folder, or None."""
    return next(iter(list_stack([path for path in folder.iterdir() if not path.name.startswith(".")])), None)


def restored(scan, path, **facts):
    packed = scan.native.pack("default", None)
    if packed.folder:
        path.mkdir()
    restore(packed, scan.pixels, path, None)
    return packed


def test_columns_are_i_and_rows_are_j(tmp_path):
    array = picture(tmp_path / "x.png")
    scan = read(tmp_path / "x.png")
    assert scan.shape == (1, 1, 7, 5, 1)
    assert np.array_equal(scan.stored()[0, 0, :, :, 0], array.T)
    assert (scan.geometry, scan.frame_ms, scan.colour) == (None, None, "grey")
    assert scan.grid_problem == "the file states no geometry"
    assert scan.stored(slice(1, 2)).shape == (1, 0, 7, 5, 1)
    assert not scan.pixels.direct


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_comes_back(dtype, channels, tmp_path):
    array = RNG.integers(0, np.iinfo(dtype).max, (5, 7, channels)).astype(dtype)
    (tmp_path / "x.png").write_bytes(imagecodecs.png_encode(array[..., 0] if channels == 1 else array))
    scan = read(tmp_path / "x.png")
    assert np.array_equal(scan.stored()[:, 0, :, :, 0], array.transpose(2, 1, 0))
    restored(scan, tmp_path / "y.png")
    back = imagecodecs.png_decode((tmp_path / "y.png").read_bytes())
    assert back.dtype == array.dtype
    assert np.array_equal(back.reshape(array.shape), array)


@pytest.mark.parametrize("dtype", ["?", "u1", "i2", "u2", "i4", "f4", "f8", "c8"])
@pytest.mark.parametrize("byteorder", "<>")
def test_tiff_pages_are_k_and_come_back(dtype, byteorder, tmp_path):
    array = RNG.integers(0, 2, (4, 5, 7)).astype(dtype)
    tifffile.imwrite(tmp_path / "x.tif", array, photometric="minisblack", byteorder=byteorder)
    scan = read(tmp_path / "x.tif")
    assert scan.shape == (1, 1, 7, 5, 4)
    assert np.array_equal(scan.stored()[0, 0], array.transpose(2, 1, 0))
    assert np.array_equal(scan.stored(k=slice(1, 3)), scan.stored()[..., 1:3])
    assert np.array_equal(scan.stored(k=slice(None, None, -1)), scan.stored()[..., ::-1])
    restored(scan, tmp_path / "y.tif")
    with tifffile.TiffFile(tmp_path / "y.tif") as file:
        assert file.byteorder == byteorder
        assert np.array_equal(np.stack([page.asarray() for page in file.pages]), array)


def test_inverted_tiff_stays_inverted(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", np.arange(35, dtype="u1").reshape(5, 7), photometric="miniswhite")
    scan = read(tmp_path / "x.tif")
    restored(scan, tmp_path / "y.tif")
    assert read(tmp_path / "y.tif").colour == scan.colour == "inverted"
    with pytest.raises(UsageError, match="PNG cannot hold"):
        restored(scan, tmp_path / "y.png")


def test_jpeg_comes_back_as_png_and_says_so(tmp_path):
    picture(tmp_path / "x.jpg", size=(16, 24, 3))
    scan = read(tmp_path / "x.jpg")
    packed = restored(scan, tmp_path / "y.png")
    assert np.array_equal(read(tmp_path / "y.png").stored(), scan.stored())
    assert "are restored as PNG" in packed.warnings[0]


@pytest.mark.parametrize("array", [np.ones((2, 5, 7), "u1"), np.ones((5, 7), "f4"), np.ones((5, 7), "i2")])
def test_png_cannot_hold_everything(array, tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", array, photometric="minisblack")
    with pytest.raises(UsageError, match=r"end the name of the output with \.tif"):
        restored(read(tmp_path / "x.tif"), tmp_path / "y.png")


@pytest.mark.parametrize(
    "names",
    [
        ["s1.png", "s2.png", "s10.png"],
        ["1.png", "2.png"],
        ["a 3.png", "a 6.png", "a 9.png"],
        ["a_007.PNG", "a_008.png"],
    ],
)
def test_numbered_pictures_are_one_stack_in_the_order_of_their_numbers(names, tmp_path):
    names = [name.replace("s10", "s3") for name in names]
    arrays = {name: picture(tmp_path / name, seed) for seed, name in enumerate(names[::-1])}
    (tmp_path / ".hidden").write_text("x")
    found = find_stack(tmp_path)
    scan = found.open()
    assert (found.path, found.format, found.name) == (tmp_path, "raster", tmp_path.name)
    assert scan.shape == (1, 1, 7, 5, len(names))
    assert np.array_equal(scan.stored()[0, 0], np.stack([arrays[name].T for name in names], axis=-1))


def test_ten_comes_after_nine(tmp_path):
    arrays = [picture(tmp_path / f"slice{number}.png", number) for number in range(8, 12)]
    scan = find_stack(tmp_path).open()
    assert np.array_equal(scan.stored()[0, 0], np.stack([array.T for array in arrays], axis=-1))


def test_a_stack_comes_back_under_its_names_only_where_names_are_kept(tmp_path):
    (tmp_path / "in").mkdir()
    for number in (2, 10, 18):
        picture(tmp_path / "in" / f"slice{number:03d}.png", number)
    scan = find_stack(tmp_path / "in").open()
    packed = scan.native.pack("keep", None)
    (tmp_path / "out").mkdir()
    restore(packed, scan.pixels, tmp_path / "out", None)
    assert packed.folder
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "slice002.png",
        "slice010.png",
        "slice018.png",
    ]
    assert np.array_equal(find_stack(tmp_path / "out").open().stored(), scan.stored())
    for level in ("default", "strip"):
        bare = scan.native.pack(level, None)
        assert bare.warnings == ("file names are not kept: the pictures are restored with numbers",)
        (tmp_path / level).mkdir()
        restore(bare, scan.pixels, tmp_path / level, None)
        assert sorted(path.name for path in (tmp_path / level).iterdir()) == [f"picture-{n:04d}.png" for n in (1, 2, 3)]


@pytest.mark.parametrize(("source", "target"), [(".jpg", ".png"), (".tif", ".tif")])
def test_stacks_of_other_kinds(source, target, tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(3):
        picture(tmp_path / "in" / f"s{number}{source}", number)
    scan = find_stack(tmp_path / "in").open()
    restored(scan, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"picture-{n:04d}{target}" for n in (1, 2, 3)]
    assert np.array_equal(find_stack(tmp_path / "out").open().stored(), scan.stored())


def make_one(folder, case):
    picture(folder / "s1.png")
    if case == "alone":
        return
    names = {"stems differ": "t2.png", "no number": "s.png", "equal number": "s01.png", "kinds differ": "s2.jpg"}
    if case == "a text beside":
        picture(folder / "s2.png")
        (folder / "readme.txt").write_text("x")
    elif case == "a folder beside":
        picture(folder / "s2.png")
        (folder / "more").mkdir()
    elif case == "a damaged one":
        (folder / "s2.png").write_bytes(b"\x89PNG")
    elif case == "sizes differ":
        picture(folder / "s2.png", size=(5, 8))
    elif case == "types differ":
        picture(folder / "s2.png", dtype="u2")
    elif case == "a gap":
        picture(folder / "s2.png")
        picture(folder / "s4.png")
    else:
        picture(folder / names[case])


CASES = ["alone", "stems differ", "no number", "equal number", "kinds differ", "a text beside", "a folder beside"]
CASES += ["a damaged one", "sizes differ", "types differ", "a gap"]


@pytest.mark.parametrize("case", CASES)
def test_what_is_no_stack(case, tmp_path):
    make_one(tmp_path, case)
    assert find_stack(tmp_path) is None


def test_tiffs_of_several_pages_are_no_stack(tmp_path):
    for number in range(2):
        tifffile.imwrite(tmp_path / f"s{number}.tif", np.ones((2, 5, 7), "u1"), photometric="minisblack")
    assert find_stack(tmp_path) is None


@pytest.mark.parametrize(
    "names",
    [
        ["../a.png", "b.png"],
        ["a/b.png", "b.png"],
        ["a\\b.png", "b.png"],
        [".a.png", "b.png"],
        ["", "b.png"],
        ["C:a.png", "b.png"],
        ["a.png", "A.png"],
        ["a.png"],
        ["a\n.png", "b.png"],
        ["a\x9b.png", "b.png"],
        ["a\0.png", "b.png"],
        ["a\udcff.png", "b.png"],
        ["con.png", "b.png"],
        ["a?.png", "b.png"],
        ["a.", "b.png"],
        ["x" * 300, "b.png"],
        None,
        "ab",
    ],
)
def test_names_that_a_file_must_not_choose(names, tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(2):
        picture(tmp_path / "in" / f"s{number}.png")
    scan = find_stack(tmp_path / "in").open()
    (tmp_path / "out").mkdir()
    packed = Packed("raster", {"kind": "png", "colour": "grey", "byteorder": "<", "names": names}, folder=True)
    with pytest.raises(CorruptFileError, match="names"):
        restore(packed, scan.pixels, tmp_path / "out", None)
    assert list((tmp_path / "out").iterdir()) == []
    assert writer("raster") is restore


@pytest.mark.parametrize("stem", ["a:", "s\udcff", "what?"])
def test_names_that_no_system_gives_back_are_numbered_when_they_are_packed(stem, tmp_path):
    for number in range(3):
        picture(tmp_path / f"{stem}{number}.png", number)
    scan = find_stack(tmp_path).open()
    packed = scan.native.pack("keep", None)
    assert packed.facts["names"] == ["picture-0001", "picture-0002", "picture-0003"]
    assert any("some file names are not valid everywhere" in warning for warning in packed.warnings)
    (tmp_path / "out").mkdir()
    restore(packed, scan.pixels, tmp_path / "out", None)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"picture-000{n}.png" for n in (1, 2, 3)]


@pytest.mark.data
@pytest.mark.parametrize("folder", ["nuclei-dsb2018/images", "cxr-nih/images", "fundus-idrid/images"])
def test_collections_are_no_stacks(folder):
    assert find_stack(real(folder)) is None
    for path in sorted(real(folder).iterdir())[:5]:
        scan = read(path)
        with Image.open(path) as image:
            assert scan.shape[2:4] == image.size
            assert np.array_equal(scan.stored()[:, 0, :, :, 0].transpose(2, 1, 0).squeeze(), np.asarray(image))


def test_a_damaged_picture_of_a_stack_is_named_and_the_others_stay_one(tmp_path):
    for number in range(5):
        picture(tmp_path / f"s{number}.png")
    (tmp_path / "s2.png").write_bytes((tmp_path / "s2.png").read_bytes()[:20])
    (tmp_path / "s3.png").write_bytes(b"")
    stack, *lost = list_stack(sorted(tmp_path.iterdir()))
    scan = stack.open()
    assert scan.shape[4] == 3
    assert scan.problems[-1] == "2 files in its folder cannot be read and may be of this scan: s2.png, s3.png"
    assert [str(one.refusal).partition(": ")[2] for one in lost] == [
        "is not a PNG file; check that the copy is complete",
        "is an empty file; copy it again",
    ]
