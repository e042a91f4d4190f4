import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from vesalius.errors import InputError
from vesalius.scan.open import open_scan
from vesalius.scan.pictures import png_chunks

ROWS = np.arange(30 * 20, dtype="u2").reshape(30, 20)


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
    png_chunks.check(data, path)
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
        png_chunks.check(data.replace(b"beside", b"besidf"), path)
    with pytest.raises(InputError, match="the checksum of its IDAT chunk"):
        png_chunks.check(data[:-20] + bytes([data[-20] ^ 1]) + data[-19:], path)


def test_bytes_behind_the_picture_are_counted(tmp_path):
    path = picture(tmp_path, 8)
    assert png_chunks.left_over(path) == 0
    path.write_bytes(path.read_bytes() + b"hidden")
    assert png_chunks.left_over(path) == 6
    assert open_scan(path).problems == ("the file holds 6 bytes more than its header promises; they are not read",)


def test_kinds_of_chunks(tmp_path):
    data = picture(tmp_path, 8).read_bytes()
    head, rest = data[:33], data[33:]
    assert png_chunks.kinds(head + chunk(b"gAMA", b"\0\0\1\1") + rest) == ["IHDR", "gAMA", "tEXt", "IDAT", "IEND"]
