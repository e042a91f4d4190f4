import struct
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from vesalius.errors import InputError
from vesalius.scan.open import open_scan
from vesalius.scan.pictures import complete

ROWS = np.arange(30 * 20, dtype="u2").reshape(30, 20)
PAGES = np.arange(9 * 20 * 24, dtype="u2").reshape(9, 20, 24)


def chunk(kind, body):
    """As the PNG specification writes it."""
    return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))


def picture(folder, depth):
    path = folder / "a.png"
    if depth == 8:
        text = PngInfo()
        text.add_text("Comment", "words beside the picture")
        Image.fromarray((ROWS % 251).astype("u1")).save(path, pnginfo=text)
    else:
        path.write_bytes(imagecodecs.png_encode(ROWS * 90))
    return path


@pytest.mark.parametrize("depth", [8, 16])
def test_every_changed_byte_is_seen(depth, tmp_path):
    path = picture(tmp_path, depth)
    data = path.read_bytes()
    complete.check_png(data, path)
    for at in range(0, len(data), 3):
        path.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        with pytest.raises(InputError):
            open_scan(path).stored()


@pytest.mark.parametrize("depth", [8, 16])
def test_every_cut_is_seen(depth, tmp_path):
    path = picture(tmp_path, depth)
    data = path.read_bytes()
    for length in (len(data) - 1, len(data) - 12, len(data) - 20, len(data) // 2, 60):
        path.write_bytes(data[:length])
        with pytest.raises(InputError):
            open_scan(path).stored()


def test_the_damaged_chunk_is_named(tmp_path):
    path = picture(tmp_path, 8)
    data = path.read_bytes()
    with pytest.raises(InputError, match="the checksum of its tEXt chunk does not match"):
        complete.check_png(data.replace(b"beside", b"besidf"), path)
    with pytest.raises(InputError, match="the checksum of its IDAT chunk"):
        complete.check_png(data[:-20] + bytes([data[-20] ^ 1]) + data[-19:], path)


def test_bytes_behind_the_picture_are_counted(tmp_path):
    path = picture(tmp_path, 8)
    assert complete.png_left_over(path) == 0
    path.write_bytes(path.read_bytes() + b"hidden")
    assert complete.png_left_over(path) == 6
    assert open_scan(path).problems == ("the file holds 6 bytes more than its header promises; they are not read",)


def test_kinds_of_chunks(tmp_path):
    data = picture(tmp_path, 8).read_bytes()
    head, rest = data[:33], data[33:]
    assert complete.png_chunks(head + chunk(b"gAMA", b"\0\0\1\1") + rest) == ["IHDR", "gAMA", "tEXt", "IDAT", "IEND"]


def stack(path, *, big=False, order="<", **options):
    tifffile.imwrite(path, PAGES, bigtiff=big, byteorder=order, metadata=None, photometric="minisblack", **options)
    return path


def links(path):
    """Place of each number that leads to the next page, by another reader."""
    with tifffile.TiffFile(path) as file:
        big, order = file.is_bigtiff, file.byteorder
        places = []
        for page in file.pages:
            entries = len(page.tags)
            places.append(page.offset + (8 + 20 * entries if big else 2 + 12 * entries))
    return places, f"{order}{'Q' if big else 'L'}"


def relink(path, number, target):
    places, form = links(path)
    data = bytearray(path.read_bytes())
    struct.pack_into(form, data, places[number], target)
    path.write_bytes(data)


@pytest.mark.parametrize(("big", "order"), [(False, "<"), (False, ">"), (True, "<")])
def test_a_chain_that_leads_outside_the_file(big, order, tmp_path):
    path = stack(tmp_path / "a.tif", big=big, order=order)
    assert open_scan(path).shape == (1, 1, 24, 20, 9)
    assert not open_scan(path).problems
    relink(path, 2, path.stat().st_size + 1000)
    with pytest.raises(InputError, match="its list of pages breaks off after page 3"):
        open_scan(path)


def test_a_chain_that_returns(tmp_path):
    path = stack(tmp_path / "a.tif")
    with tifffile.TiffFile(path) as file:
        second = file.pages[1].offset
    relink(path, 5, second)
    with pytest.raises(InputError, match="its list of pages returns to page 2"):
        open_scan(path)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_chain_that_ends_early_leaves_values_that_belong_to_no_page(compression, tmp_path):
    path = stack(tmp_path / "a.tif", compression=compression)
    assert not open_scan(path).problems
    relink(path, 0, 0)
    scan = open_scan(path)
    assert scan.shape[4] == 1
    assert any("belong to none of its 1 page(s): pages may be missing" in line for line in scan.problems)


def test_a_file_that_is_cut(tmp_path):
    path = stack(tmp_path / "a.tif")
    data = path.read_bytes()
    for share in (0.3, 0.6, 0.95):
        path.write_bytes(data[: int(share * len(data))])
        with pytest.raises(InputError):
            open_scan(path).stored()


def test_values_outside_the_file(tmp_path):
    path = stack(tmp_path / "a.tif", compression="zlib")
    with tifffile.TiffFile(path) as file:
        tag = file.pages[4].tags["StripOffsets"]
        place = tag.valueoffset
    data = bytearray(path.read_bytes())
    struct.pack_into("<L", data, place, len(data) - 3)
    path.write_bytes(data)
    with pytest.raises(InputError, match="the values of page 5 lie outside the file"):
        open_scan(path)


def test_a_large_stack_of_imagej_lists_its_first_page_only(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PAGES, imagej=True)
    assert open_scan(path).shape[4] == 9
    relink(path, 0, 0)
    with pytest.raises(InputError, match="states 9 pictures, but its list of pages has 1"):
        open_scan(path)
