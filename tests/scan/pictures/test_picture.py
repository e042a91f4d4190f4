import struct
import zlib

import imagecodecs
import nibabel as nib
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from vesalius.codec.options import CompressConfig
from vesalius.errors import InputError
from vesalius.scan.open import open_scan
from vesalius.scan.pictures import picture as module
from vesalius.scan.pictures.picture import beside, kind_of, look
from vesalius.tasks.compress.decompress import verify
from vesalius.tasks.compress.run import compress

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 255, (5, 7)).astype("u1")
RGB = RNG.integers(0, 255, (5, 7, 3)).astype("u1")


def only(path):
    picture = look(path)
    (page,) = picture.read([0])
    assert page.shape == picture.shape
    assert page.dtype == picture.dtype
    return picture, page


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA"])
def test_png_of_8_bits_as_pillow_reads_it(mode, tmp_path):
    channels = {"1": 1, "L": 1, "LA": 2, "RGB": 3, "RGBA": 4}[mode]
    array = RNG.integers(0, 255, (5, 7, channels)).astype("u1")
    array = array > 127 if mode == "1" else array
    Image.fromarray(array[..., 0] if channels == 1 else array).save(tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as image:
        assert image.mode == mode
    picture, page = only(tmp_path / "x.png")
    assert np.array_equal(page, array)
    assert page.dtype == array.dtype
    assert picture.colour == ("grey" if channels == 1 else "rgb" if channels == 3 else "channels")
    alpha = f"channel {channels} is transparency (alpha) and kept unchanged"
    assert picture.notes == ((alpha,) if channels in (2, 4) else ())


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_of_16_bits_keeps_all_bits(channels, tmp_path):
    array = RNG.integers(0, 65535, (5, 7, channels)).astype("u2")
    (tmp_path / "x.png").write_bytes(imagecodecs.png_encode(array[..., 0] if channels == 1 else array))
    picture, page = only(tmp_path / "x.png")
    assert np.array_equal(page, array)
    assert (picture.dtype, picture.kind) == (np.uint16, "png")


def test_png_of_few_bits(tmp_path):
    chunk = lambda name, data: struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))  # noqa: E731
    rows = zlib.compress(b"\0\x1b\0\xe4")  # two rows of 0 1 2 3 and 3 2 1 0
    head = struct.pack(">IIBBBBB", 4, 2, 2, 0, 0, 0, 0)
    (tmp_path / "x.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )
    picture, page = only(tmp_path / "x.png")
    assert page[..., 0].tolist() == [[0, 85, 170, 255], [255, 170, 85, 0]]
    assert "2 bits" in picture.notes[0]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_palette_is_expanded(suffix, tmp_path):
    image = Image.fromarray(RGB).quantize(8)
    image.save(tmp_path / f"x{suffix}")
    picture, page = only(tmp_path / f"x{suffix}")
    assert np.array_equal(page, np.asarray(image.convert("RGB")))
    assert picture.colour == "rgb"
    assert picture.notes == ("palette colours are expanded to RGB",)


def test_transparency_is_left_out_and_told(tmp_path):
    image = Image.fromarray(RGB).quantize(8)
    image.save(tmp_path / "x.png", transparency=bytes([0, 128] + [255] * 6))
    picture, page = only(tmp_path / "x.png")
    assert np.array_equal(page, np.asarray(image.convert("RGB")))
    assert any("transparency" in note for note in picture.notes)


@pytest.mark.parametrize("array", [GREY, RGB], ids=["grey", "rgb"])
def test_jpeg(array, tmp_path):
    Image.fromarray(array).save(tmp_path / "x.JPG", quality=90)
    picture, page = only(tmp_path / "x.JPG")
    with Image.open(tmp_path / "x.JPG") as image:
        assert np.array_equal(page.squeeze(), np.asarray(image))
    assert picture.kind == "jpeg"


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_orientation_is_told_and_not_applied(suffix, tmp_path):
    image = Image.fromarray(GREY)
    exif = image.getexif()
    exif[274] = 6
    image.save(tmp_path / f"x{suffix}", exif=exif)
    picture, page = only(tmp_path / f"x{suffix}")
    assert page.shape == (5, 7, 1)
    assert "EXIF orientation 6" in picture.notes[0]


@pytest.mark.parametrize("byteorder", "<>")
@pytest.mark.parametrize("dtype", ["?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", "c8"])
def test_tiff_dtypes(dtype, byteorder, tmp_path):
    array = RNG.integers(0, 2, (5, 7)).astype(dtype)
    tifffile.imwrite(tmp_path / "x.tif", array, byteorder=byteorder, photometric="minisblack")
    picture, page = only(tmp_path / "x.tif")
    assert np.array_equal(page[..., 0], array)
    assert (picture.dtype, picture.byteorder) == (np.dtype(dtype), byteorder)


@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "packbits", "lzma"])
@pytest.mark.parametrize("planarconfig", ["contig", "separate"])
def test_tiff_builds(compression, planarconfig, tmp_path):
    array = RNG.integers(0, 65535, (3, 40, 50) if planarconfig == "separate" else (40, 50, 3)).astype("u2")
    tifffile.imwrite(
        tmp_path / "x.tif", array, photometric="rgb", compression=compression, planarconfig=planarconfig, tile=(16, 16)
    )
    picture, page = only(tmp_path / "x.tif")
    assert np.array_equal(page, np.moveaxis(array, 0, -1) if planarconfig == "separate" else array)
    assert picture.colour == "rgb"


@pytest.mark.parametrize(
    ("photometric", "shape", "colour"),
    [
        ("minisblack", (5, 7), "grey"),
        ("miniswhite", (5, 7), "inverted"),
        ("rgb", (5, 7, 3), "rgb"),
        ("rgb", (5, 7, 4), "channels"),
        ("minisblack", (5, 7, 3), "channels"),
    ],
)
def test_tiff_colours(photometric, shape, colour, tmp_path):
    planar = "contig" if len(shape) == 3 else None
    tifffile.imwrite(tmp_path / "x.tif", np.ones(shape, "u1"), photometric=photometric, planarconfig=planar)
    assert look(tmp_path / "x.tif").colour == colour


def test_tiff_pages(tmp_path):
    array = RNG.integers(0, 255, (4, 5, 7)).astype("u1")
    tifffile.imwrite(tmp_path / "x.tif", array, photometric="minisblack")
    picture = look(tmp_path / "x.tif")
    assert picture.pages == (0, 1, 2, 3)
    assert [page[..., 0].tolist() for page in picture.read([2, 0])] == [array[2].tolist(), array[0].tolist()]


def test_tiff_pages_that_differ(tmp_path):
    with tifffile.TiffWriter(tmp_path / "x.tif") as file:
        file.write(GREY)
        file.write(GREY[:4])
    with pytest.raises(InputError, match="2 pages differ"):
        look(tmp_path / "x.tif")


def test_reduced_pages_are_left_out(tmp_path):
    with tifffile.TiffWriter(tmp_path / "x.tif") as file:
        file.write(GREY, metadata=None)
        file.write(GREY[:2, :2], subfiletype=1, metadata=None)
    picture = look(tmp_path / "x.tif")
    assert picture.pages == (0,)
    assert "1 reduced page" in picture.notes[0]


def test_imagej_hyperstack_is_told(tmp_path):
    array = RNG.integers(0, 255, (2, 3, 5, 7)).astype("u1")
    tifffile.imwrite(tmp_path / "x.tif", array, imagej=True)
    picture = look(tmp_path / "x.tif")
    assert len(picture.pages) == 6
    assert "become K" in picture.notes[0]


def test_animated_png(tmp_path):
    frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    frames[0].save(tmp_path / "x.png", save_all=True, append_images=frames[1:])
    with pytest.raises(InputError, match="animated"):
        look(tmp_path / "x.png")


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_is_refused(suffix, tmp_path):
    Image.fromarray(RGB).convert("CMYK").save(tmp_path / f"x{suffix}")
    with pytest.raises(InputError, match=r"CMYK|SEPARATED"):
        look(tmp_path / f"x{suffix}")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_decompression_bombs(suffix, tmp_path, monkeypatch):
    Image.fromarray(np.zeros((300, 200), "u1")).save(tmp_path / f"x{suffix}")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300 * 200 - 1)
    monkeypatch.setattr(module, "MAX_PIXELS", 300 * 200 - 1)
    with pytest.raises(InputError, match="decompression bomb") as caught:
        look(tmp_path / f"x{suffix}")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".gif"])
def test_what_is_no_picture(suffix, tmp_path):
    (tmp_path / f"x{suffix}").write_bytes(b"nothing")
    with pytest.raises(InputError):
        look(tmp_path / f"x{suffix}")
    with pytest.raises(InputError):
        look(tmp_path / f"absent{suffix}")


def test_a_picture_that_changed_since(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "x.png")
    picture = look(tmp_path / "x.png")
    Image.fromarray(RGB).save(tmp_path / "x.png")
    with pytest.raises(InputError, match="does not match its header"):
        list(picture.read([0]))


def test_suffixes():
    assert [kind_of(tmp) for tmp in map(module.Path, ["a.PNG", "a.jpeg", "a.tiff", "a.gif", "a"])] == [
        "png",
        "jpeg",
        "tiff",
        None,
        None,
    ]


@settings(max_examples=200)
@given(st.data())
def test_a_mutated_file_is_one_line_or_values(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("picture")
    name = data.draw(st.sampled_from(["x.png", "x.jpg", "x.tif", "y.png"]))
    if name == "y.png":
        (folder / name).write_bytes(imagecodecs.png_encode(RGB.astype("u2") * 257))
    elif name == "x.tif":
        tifffile.imwrite(folder / name, np.stack([GREY, GREY]), compression="zlib", photometric="minisblack")
    else:
        Image.fromarray(RGB).save(folder / name)
    whole = bytearray((folder / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    (folder / name).write_bytes(bytes(whole[: data.draw(st.integers(1, len(whole)))]))
    said = ""
    try:
        picture = look(folder / name)
        for page in picture.read(range(len(picture.pages))):
            assert page.shape == picture.shape
    except InputError as error:
        said = str(error)
    assert len(said.splitlines()) <= 1


def test_a_tiff_with_two_widths(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", RGB, photometric="rgb", tile=(16, 16))
    with tifffile.TiffFile(tmp_path / "x.tif") as file:
        place = file.pages[0].tags["ImageWidth"].offset
    whole = bytearray((tmp_path / "x.tif").read_bytes())
    whole[place + 2] = 3  # short numbers
    whole[place + 4] = 2
    whole[place + 8 : place + 12] = b"\7\0\7\0"
    (tmp_path / "x.tif").write_bytes(whole)
    with pytest.raises(InputError, match="no clear size"):
        look(tmp_path / "x.tif")


def test_libpng_does_not_print_through(tmp_path, capfd):
    """libpng warns of a wrong sBIT chunk; its wrapper logs that, and Python prints what no handler takes."""
    whole = imagecodecs.png_encode(np.arange(600, dtype=np.uint16).reshape(20, 30))
    chunk = b"sBIT" + b"\xff"
    extra = struct.pack(">I", 1) + chunk + struct.pack(">I", zlib.crc32(chunk))
    path = tmp_path / "sbit.png"
    path.write_bytes(whole[:33] + extra + whole[33:])
    assert next(look(path).read([0]))[:, :, 0].tolist() == np.arange(600).reshape(20, 30).tolist()
    assert capfd.readouterr() == ("", "")


SHADES = np.arange(40, dtype="u1").reshape(5, 8)
FAST = CompressConfig(coder="deflate")


def test_png(tmp_path):
    Image.fromarray(SHADES).save(tmp_path / "plain.png")
    assert beside(look(tmp_path / "plain.png")) == []
    text = PngInfo()
    text.add_text("Author", "somebody")
    Image.fromarray(SHADES).save(tmp_path / "a.png", pnginfo=text, dpi=(72, 72))
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes() + b"more")
    assert sorted(beside(look(tmp_path / "a.png"))) == ["bytes behind the picture", "resolution", "text"]


def test_what_a_jpeg_holds_beside_its_values(tmp_path):
    Image.fromarray(SHADES).save(tmp_path / "plain.jpg")
    assert beside(look(tmp_path / "plain.jpg")) == []
    Image.fromarray(SHADES).save(tmp_path / "a.jpg", dpi=(72, 72), comment=b"words", icc_profile=b"profile")
    assert sorted(beside(look(tmp_path / "a.jpg"))) == ["colour profile", "resolution", "text"]


def test_tiff(tmp_path):
    tifffile.imwrite(tmp_path / "plain.tif", SHADES, metadata=None, software=False)
    assert beside(look(tmp_path / "plain.tif")) == []
    tifffile.imwrite(tmp_path / "a.tif", SHADES, metadata=None, description="words", software="s", resolution=(7, 7))
    assert sorted(beside(look(tmp_path / "a.tif"))) == ["ImageDescription", "Software", "resolution"]


def test_compress_and_verify_name_what_a_stack_loses(tmp_path):
    (tmp_path / "in").mkdir()
    for number in (1, 2):
        text = PngInfo()
        text.add_text("Author", f"somebody {number}")
        Image.fromarray(SHADES + number).save(tmp_path / "in" / f"x{number}.png", pnginfo=text)
    (written,) = compress([tmp_path / "in"], tmp_path / "a.vsl", FAST).written
    assert [one.words for one in written.kept] == ["texts and settings beside the values: 1 not (text)"]
    assert verify(tmp_path / "a.vsl", tmp_path / "in").kept == written.kept


def test_nifti_names_blanked_fields_and_bytes_behind_the_values(tmp_path):
    image = nib.Nifti1Image(SHADES[None].astype("<i2"), np.eye(4))
    image.header["descrip"], image.header["db_name"] = b"words", b"names"
    image.header.extensions.append(nib.nifti1.Nifti1Extension(6, b"a comment"))
    nib.save(image, tmp_path / "a.nii")
    compress([tmp_path / "a.nii"], tmp_path / "a.vsl", FAST)
    assert verify(tmp_path / "a.vsl", tmp_path / "a.nii").kept == ()  # all of it is kept
    stripped = CompressConfig(coder="deflate", identifiers="strip")
    (written,) = compress([tmp_path / "a.nii"], tmp_path / "b.vsl", stripped).written
    (told,) = written.kept
    assert (sorted(told.names), told.left_out) == (["db_name", "descrip", "extensions"], 3)
    assert verify(tmp_path / "b.vsl", tmp_path / "a.nii").kept == (told,)
    with (tmp_path / "a.nii").open("ab") as file:
        file.write(b"tail")
    packed = open_scan(tmp_path / "a.nii").native.pack("default", None)
    assert [one.words for one in packed.kept] == ["bytes behind the values: 4 not"]
    np.save(tmp_path / "a.npy", SHADES)
    with (tmp_path / "a.npy").open("ab") as file:
        file.write(b"tails")
    assert [one.words for one in open_scan(tmp_path / "a.npy").native.pack("default", None).kept] == [
        "bytes behind the values: 5 not"
    ]
