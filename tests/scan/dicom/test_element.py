import io
import struct

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.encaps import encapsulate, encapsulate_extended, get_frame
from pydicom.uid import JPEGBaseline8Bit, RLELossless

from dicom_making import TEST_FILES, instance, save
from vesalius.errors import InputError
from vesalius.scan.dicom.element import Codestream, PixelElement, check_frame, locate, parse_frame
from vesalius.scan.dicom.header import read_header, read_instance

FRAMES = np.arange(4 * 6 * 8, dtype=np.uint8).reshape(4, 6, 8)
RAMP = np.arange(24 * 40, dtype=np.uint16).reshape(24, 40)
STREAMS = {
    "jpeg": (imagecodecs.jpeg_encode(RAMP.astype(np.uint8)), (24, 40, 1, 8)),
    "jpeg colour": (imagecodecs.jpeg_encode(np.dstack([RAMP] * 3).astype(np.uint8)), (24, 40, 3, 8)),
    "jpeg-ls": (imagecodecs.jpegls_encode(RAMP), (24, 40, 1, None)),
    "jpeg 2000": (imagecodecs.jpeg2k_encode(RAMP, codecformat="j2k"), (24, 40, 1, None)),
    "jpeg 2000 in its box": (imagecodecs.jpeg2k_encode(RAMP, codecformat="jp2"), (24, 40, 1, None)),
}


def located(path):
    with path.open("rb") as file:
        data = read_header(file)
        return locate(file, data, data.file_meta.TransferSyntaxUID)


def test_native_pixels_are_found_byte_for_byte(tmp_path):
    path = save(instance(FRAMES), tmp_path / "a.dcm")
    pixels = located(path)
    assert path.read_bytes()[pixels.offset :] == FRAMES.tobytes()
    assert (pixels.rows, pixels.columns, pixels.frames, pixels.dtype) == (6, 8, 4, np.uint8)
    assert not pixels.is_compressed


@pytest.mark.parametrize("name", ["MR_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm"])
def test_every_encoding_of_one_picture_promises_the_same(name):
    pixels = located(TEST_FILES / name)
    assert (pixels.rows, pixels.columns, pixels.dtype, pixels.frame_bytes) == (64, 64, np.int16, 8192)


def test_single_bits_and_subsampled_colours_have_their_own_lengths():
    assert located(TEST_FILES / "liver_1frame.dcm").frame_bytes == 512 * 512 / 8
    assert located(TEST_FILES / "SC_ybr_full_422_uncompressed.dcm").frame_bytes == 100 * 100 * 2


@pytest.mark.parametrize(
    ("keyword", "value", "words"),
    [
        ("NumberOfFrames", 5, "promises 240 bytes of pixels, but the file has 192"),
        ("Rows", 60000, "promises"),
        ("BitsAllocated", 12, "BitsAllocated is missing or impossible"),
        ("BitsStored", 9, "BitsStored is missing or impossible"),
        ("BitsStored", None, "BitsStored is missing or impossible"),
        ("PixelRepresentation", 2, "PixelRepresentation"),
        ("SamplesPerPixel", 0, "SamplesPerPixel"),
        ("PhotometricInterpretation", "GREYISH", "PhotometricInterpretation is missing or unknown"),
    ],
)
def test_impossible_headers_are_one_line(tmp_path, keyword, value, words):
    path = save(instance(FRAMES, **{keyword: value}), tmp_path / "a.dcm")
    with pytest.raises(InputError, match=words) as caught:
        read_instance(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_an_unknown_transfer_syntax_is_named(tmp_path):
    data = instance(FRAMES)
    data.PixelData = encapsulate([b"xx"])
    data["PixelData"].is_undefined_length = True
    data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.100"
    with pytest.raises(InputError, match=r"MPEG2 .* cannot be decoded"):
        read_instance(save(data, tmp_path / "a.dcm"))


def compressed(path, fragments, frames=4, table=(), extended=None):
    """A file whose compressed pixels are the given fragments."""
    data = instance(FRAMES, NumberOfFrames=frames)
    body = struct.pack("<LL", 0xE000FFFE, 4 * len(table)) + struct.pack(f"<{len(table)}L", *table)
    for fragment in fragments:
        body += struct.pack("<LL", 0xE000FFFE, len(fragment)) + fragment
    data.PixelData = body
    data["PixelData"].VR = "OB"
    data["PixelData"].is_undefined_length = True
    if extended is not None:
        data.ExtendedOffsetTable, data.ExtendedOffsetTableLengths = extended
    data.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    return save(data, path)


PARTS = [b"a1", b"a2", b"b1b1", b"c1\xff\xd9", b"c2", b"d1"]


def joined(path):
    raw = path.read_bytes()
    return [b"".join(raw[at : at + size] for at, size in spans) for spans in located(path).spans]


def test_fragments_go_to_frames_by_the_basic_offset_table(tmp_path):
    starts = [0]
    for part in PARTS:
        starts.append(starts[-1] + 8 + len(part))
    table = [starts[n] for n in (0, 2, 3, 5)]
    path = compressed(tmp_path / "a.dcm", PARTS, table=table)
    assert joined(path) == [b"a1a2", b"b1b1", b"c1\xff\xd9c2", b"d1"]
    extended = (struct.pack("<4Q", *table), struct.pack("<4Q", 4, 4, 6, 2))
    assert joined(compressed(tmp_path / "b.dcm", PARTS, extended=extended)) == joined(path)


def test_fragments_go_to_frames_one_by_one_or_by_the_end_marker(tmp_path):
    assert joined(compressed(tmp_path / "a.dcm", PARTS, frames=6)) == PARTS
    assert joined(compressed(tmp_path / "b.dcm", PARTS, frames=1)) == [b"".join(PARTS)]
    ended = [b"x1", b"x2\xff\xd9", b"y1\xff\xd9\x00\x00"]
    assert joined(compressed(tmp_path / "c.dcm", ended, frames=2)) == [b"x1x2\xff\xd9", b"y1\xff\xd9\x00\x00"]


def test_fragments_without_frames_are_refused(tmp_path):
    with pytest.raises(InputError, match="6 compressed fragment"):
        located(compressed(tmp_path / "a.dcm", PARTS, frames=2**31 - 1))
    with pytest.raises(InputError, match="empty"):
        located(compressed(tmp_path / "b.dcm", []))


def test_a_cut_fragment_is_named(tmp_path):
    whole = compressed(tmp_path / "a.dcm", PARTS, frames=6).read_bytes()
    cut = tmp_path / "cut.dcm"
    cut.write_bytes(whole[: whole.index(b"c1\xff") + 1])
    with pytest.raises(InputError, match=r"break off after 3 fragment\(s\)"):
        located(cut)


def test_a_frame_that_says_another_size_is_refused_before_it_is_decoded(tmp_path):
    data = dcmread(TEST_FILES / "JPEG2000.dcm")
    data.Rows = 2048
    with pytest.raises(InputError, match="256 x 2048 with 1 sample"):
        read_instance(save(data, tmp_path / "a.dcm"))


def test_run_lengths_cannot_promise_more_than_they_hold(tmp_path):
    data = dcmread(TEST_FILES / "MR_small_RLE.dcm")
    assert data.file_meta.TransferSyntaxUID == RLELossless
    data.Rows = data.Columns = 65535
    with pytest.raises(InputError, match="promises frames of 8589672450 bytes"):
        read_instance(save(data, tmp_path / "a.dcm"))


def test_floats_have_no_sign():
    pixels = PixelElement(
        **{
            **{"syntax": "1.2.840.10008.1.2.1", "keyword": "DoubleFloatPixelData", "vr": "OD", "offset": 0},
            **{"rows": 1, "columns": 1, "samples": 1, "bits_allocated": 64, "bits_stored": 64, "high_bit": None},
            **{"signed": False, "photometric": "MONOCHROME2", "planar": 0, "frames": 1},
        }
    )
    assert pixels.dtype == np.float64


def test_extended_tables_of_pydicom_are_understood(tmp_path):
    data = instance(FRAMES)
    data.PixelData, data.ExtendedOffsetTable, data.ExtendedOffsetTableLengths = encapsulate_extended(
        [b"ab", b"cd", b"ef", b"gh"]
    )
    data["PixelData"].is_undefined_length = True
    data.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    stream = io.BytesIO()
    data.save_as(stream, enforce_file_format=True)
    path = tmp_path / "a.dcm"
    path.write_bytes(stream.getvalue())
    assert joined(path) == [b"ab", b"cd", b"ef", b"gh"]


@pytest.mark.parametrize("name", STREAMS)
def test_sizes_are_those_that_were_encoded(name):
    data, (rows, columns, samples, precision) = STREAMS[name]
    found = parse_frame(data)
    assert (found.rows, found.columns, found.samples) == (rows, columns, samples)
    assert found.precision == precision or (precision is None and 10 <= found.precision <= 16)


@pytest.mark.parametrize(
    ("name", "rgb", "jfif"), [("SC_rgb_dcmtk_+eb+cr.dcm", True, False), ("SC_rgb_jpeg_dcmtk.dcm", False, True)]
)
def test_colours_of_jpeg_are_read(name, rgb, jfif):
    found = parse_frame(get_frame(dcmread(TEST_FILES / name).PixelData, 0, number_of_frames=1))
    assert (found.rgb, found.jfif) == (rgb, jfif)
    assert parse_frame(STREAMS["jpeg colour"][0]).jfif


@given(st.sampled_from(sorted(STREAMS)), st.data())
def test_damage_gives_none_or_a_header_and_never_an_exception(name, draw):
    data = bytearray(STREAMS[name][0])
    for _ in range(draw.draw(st.integers(1, 8))):
        data[draw.draw(st.integers(0, min(len(data), 120) - 1))] = draw.draw(st.integers(0, 255))
    cut = draw.draw(st.integers(0, len(data)))
    found = parse_frame(bytes(data[:cut]))
    assert found is None or found.rows >= 0


def promised(rows, columns, samples, bits):
    return PixelElement("", "PixelData", "OW", 0, rows, columns, samples, bits, bits, None, False, "MONOCHROME2", 0, 1)


@pytest.mark.parametrize(
    ("stream", "length", "size", "words"),
    [
        (Codestream(24, 40, 1, 8), 900, (24, 41, 1, 8), "41 x 24"),
        (Codestream(24, 40, 3, 8), 900, (24, 40, 1, 8), "1 sample"),
        (Codestream(24, 40, 1, 12), 900, (24, 40, 1, 8), "12 bits"),
        (None, 100, (1000, 1000, 1, 16), "promises frames of 2000000 bytes"),
        (Codestream(60000, 60000, 1, 8), 10**6, (60000, 60000, 1, 8), "promises"),
    ],
)
def test_what_does_not_fit_the_header_is_refused(stream, length, size, words):
    with pytest.raises(InputError, match=words):
        check_frame(stream, length, promised(*size))


def test_what_fits_passes():
    check_frame(Codestream(24, 40, 1, 12), 900, promised(24, 40, 1, 16))
    check_frame(None, 2000, promised(24, 40, 1, 16))
