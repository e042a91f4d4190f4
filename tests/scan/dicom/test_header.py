import zlib

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread, examples
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import apply_color_lut
from pydicom.uid import DeflatedExplicitVRLittleEndian

from dicom_making import TEST_FILES, enhanced, instance, placed, save, save_all
from vesalius.errors import InputError, UsageError
from vesalius.scan.colours import in_rgb
from vesalius.scan.dicom import header as dicom_header
from vesalius.scan.dicom.header import read_instance
from vesalius.scan.open import open_scan
from vesalius.scan.write import write_scan
from vesalius.transforms.prepare import Prepare

FLAT = np.zeros((4, 6), np.int16)


@pytest.mark.parametrize("name", ["reportsi.dcm", "rtplan.dcm", "waveform_ecg.dcm", "README.txt", "test_PN.json"])
def test_what_is_no_picture_is_passed_over(name):
    assert read_instance(TEST_FILES / name) is None


def test_a_file_without_magic_is_read_by_its_content_or_its_suffix(tmp_path):
    whole = (TEST_FILES / "CT_small.dcm").read_bytes()
    bare = whole[132:]
    (tmp_path / "bare.IMA").write_bytes(bare)
    (tmp_path / "bare").write_bytes(bare)
    (tmp_path / "late.dcm").write_bytes(bare[bare.index(b"\x10\0\x10\0PN") :])  # no group that a data set begins with
    (tmp_path / "late").write_bytes((tmp_path / "late.dcm").read_bytes())
    (tmp_path / "noise.dcm").write_bytes(bytes(range(256)) * 10)
    assert read_instance(tmp_path / "bare.IMA").pixels.rows == 128
    assert read_instance(tmp_path / "bare").pixels.rows == 128
    assert read_instance(tmp_path / "late.dcm").pixels.rows == 128
    assert read_instance(tmp_path / "late") is None
    assert read_instance(tmp_path / "noise.dcm") is None


def test_facts_of_a_plain_instance():
    facts = read_instance(TEST_FILES / "CT_small.dcm")
    data = dcmread(TEST_FILES / "CT_small.dcm")
    assert (facts.uid, facts.series_uid) == (data.SOPInstanceUID, data.SeriesInstanceUID)
    assert (facts.modality, facts.colour, facts.unit) == ("CT", "grey", "HU")
    assert facts.frames[0].rescale.inter == data.RescaleIntercept
    assert any("-2000" in note for note in facts.notes)


@pytest.mark.parametrize(
    ("attributes", "unit"),
    [
        ({"RescaleSlope": 1, "RescaleIntercept": -1024}, "HU"),
        ({"RescaleSlope": 1, "RescaleIntercept": 0}, "HU"),
        ({"RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "US"}, ""),
        ({"RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "ED"}, "ED"),
        ({"RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "hu"}, "HU"),
        ({"RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "DOE JANE 1961"}, ""),
        ({"Modality": "PT", "Units": "JANE DOE", "RescaleSlope": 3.5, "RescaleIntercept": 0}, ""),
        ({}, ""),
        ({"Modality": "MR", "RescaleSlope": 1, "RescaleIntercept": 0}, ""),
        ({"Modality": "PT", "Units": "BQML", "RescaleSlope": 3.5, "RescaleIntercept": 0}, "BQML"),
    ],
)
def test_a_unit_is_stated_or_empty(tmp_path, attributes, unit):
    assert read_instance(save(instance(FLAT, **attributes), tmp_path / "a.dcm")).unit == unit


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"LossyImageCompression": "01"}, "with loss"),
        ({"ImagerPixelSpacing": [0.1, 0.1]}, "at the detector only"),
        ({"HighBit": 7}, "HighBit"),
        ({"PixelPaddingValue": -1500}, "-1500 marks pixels outside"),
    ],
)
def test_notes_tell_a_careful_reader(tmp_path, attributes, words):
    facts = read_instance(save(instance(FLAT, **attributes), tmp_path / "a.dcm"))
    assert any(words in note for note in facts.notes), facts.notes


def test_a_plain_instance_has_no_notes(tmp_path):
    assert read_instance(save(placed(FLAT, (0, 0, 0)), tmp_path / "a.dcm")).notes == ()


@pytest.mark.parametrize(
    ("name", "colour"),
    [
        ("examples_palette.dcm", "palette"),
        ("examples_rgb_color.dcm", "rgb"),
        ("examples_ybr_color.dcm", "ybr"),
        ("examples_jpeg2k.dcm", "rgb"),
        ("SC_rgb_jpeg_dcmtk.dcm", "ybr"),
        ("SC_rgb_dcmtk_+eb+cr.dcm", "rgb"),
    ],
)
def test_colours_are_those_of_the_decoded_samples(name, colour):
    assert read_instance(TEST_FILES / name).colour == colour


def test_one_frame_in_an_enhanced_instance_without_a_place_says_why(tmp_path):
    data = enhanced(np.zeros((2, 4, 6), np.int16), [(0, 1, 0, 1), (1, 1, 0, 1)])
    del data.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence
    facts = read_instance(save(data, tmp_path / "a.dcm"))
    assert [frame.place is None for frame in facts.frames] == [False, True]


def test_errors_name_the_file_and_never_a_value(tmp_path, monkeypatch):
    path = save(instance(FLAT), tmp_path / "a.dcm")

    def fail(*args, **kwargs):
        raise ValueError("could not convert PLANTED^NAME")

    monkeypatch.setattr(dicom_header, "read_partial", fail)
    with pytest.raises(InputError, match=r"a\.dcm: cannot be read as DICOM \(ValueError\)") as caught:
        read_instance(path)
    assert "PLANTED" not in str(caught.value)


def test_a_deflated_data_set_is_inflated_within_bounds(tmp_path, monkeypatch):
    facts = read_instance(TEST_FILES / "image_dfl.dcm")
    assert (facts.pixels.syntax, facts.pixels.rows) == (DeflatedExplicitVRLittleEndian, 512)
    whole = (TEST_FILES / "image_dfl.dcm").read_bytes()
    start = 144 + int.from_bytes(whole[140:144], "little")
    (tmp_path / "cut.dcm").write_bytes(whole[: start + 5] + b"\xff" * 40)
    with pytest.raises(InputError):
        read_instance(tmp_path / "cut.dcm")
    monkeypatch.setattr(dicom_header, "_MAX_INFLATED", 1 << 16)
    bomb = zlib.compress(bytes(1 << 20), 9, -zlib.MAX_WBITS)
    (tmp_path / "bomb.dcm").write_bytes(whole[:start] + bomb)
    with pytest.raises(InputError, match="larger than 1 GiB"):
        read_instance(tmp_path / "bomb.dcm")


def test_what_follows_a_deflated_data_set_is_its_checksum_or_padding(tmp_path):
    whole = (TEST_FILES / "image_dfl.dcm").read_bytes()
    start = 144 + int.from_bytes(whole[140:144], "little")
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    plain = inflater.decompress(whole[start:])
    path, stream = tmp_path / "a.dcm", whole[: len(whole) - len(inflater.unused_data)]
    for behind in (b"", b"\0", zlib.crc32(plain).to_bytes(4, "little") + len(plain).to_bytes(4, "little")):
        path.write_bytes(stream + behind)
        assert read_instance(path).pixels.rows == 512
    for behind in (b"x", bytes(4) + len(plain).to_bytes(4, "little")):
        path.write_bytes(stream + behind)
        with pytest.raises(InputError, match="bytes after it are not its checksum"):
            read_instance(path)
    path.write_bytes(stream[:-20])
    with pytest.raises(InputError, match="breaks off"):
        read_instance(path)


def test_pixel_data_that_is_longer_than_promised_has_a_problem_line(tmp_path):
    data = instance(FLAT)
    data.PixelData = data.PixelData + b"\1\2\3\4"
    notes = read_instance(save(data, tmp_path / "a.dcm")).notes
    assert "the pixel data holds 4 bytes more than its header promises; they are not read" in notes
    odd = instance(np.zeros((3, 3), "u1"))
    odd.PixelData = odd.PixelData + b"\0"
    assert not [note for note in read_instance(save(odd, tmp_path / "b.dcm")).notes if "promises" in note]


def test_a_second_compressed_picture_that_nothing_counts(tmp_path):
    data = dcmread(TEST_FILES / "MR_small_jp2klossless.dcm")
    (frame,) = generate_frames(data.PixelData, number_of_frames=1)
    assert not [note for note in read_instance(TEST_FILES / "MR_small_jp2klossless.dcm").notes if "pictures" in note]
    data.PixelData = encapsulate([frame, frame])
    data.save_as(tmp_path / "a.dcm")
    notes = read_instance(tmp_path / "a.dcm").notes
    assert "2 compressed pictures are stored, but the header promises one; only the first is read" in notes


def test_free_text_is_no_modality(tmp_path):
    assert read_instance(save(instance(FLAT, Modality="DOE JANE"), tmp_path / "a.dcm")).modality == "unknown"


def with_palette(descriptor, tables, **more):
    """A picture of all values of 8 bits, with a palette."""
    indices = np.arange(256, dtype=np.uint8).reshape(16, 16)
    words = {}
    for name, table in zip(("Red", "Green", "Blue"), tables, strict=True):
        words[f"{name}PaletteColorLookupTableDescriptor"] = descriptor
        words[f"{name}PaletteColorLookupTableData"] = np.asarray(
            table, "<u2" if descriptor[2] == 16 else "u1"
        ).tobytes()
    return instance(indices, PhotometricInterpretation="PALETTE COLOR", **words | more)


RNG = np.random.default_rng(0)
PALETTES = {
    "a file of pydicom": lambda: dcmread(examples.get_path("palette_color")),
    "8 bits": lambda: with_palette([256, 0, 8], RNG.integers(0, 256, (3, 256))),
    "8 of 16 bits": lambda: with_palette([256, 0, 16], RNG.integers(0, 256, (3, 256)) << 8),
    "a part of the values": lambda: with_palette([100, 50, 8], RNG.integers(0, 256, (3, 100))),
}


@pytest.mark.parametrize("kind", PALETTES)
def test_the_palette_of_dicom_as_pydicom_applies_it(kind, tmp_path):
    data = PALETTES[kind]()
    scan = open_scan(save(data, tmp_path / "in.dcm"))
    assert scan.colour == "palette"
    expected = apply_color_lut(data.pixel_array, data)
    expected = expected if expected.dtype == np.uint8 else (expected >> 8).astype(np.uint8)
    assert "palette colours are converted to RGB" in write_scan(scan, tmp_path / "x.png").notes
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "x.png")), expected)
    np.testing.assert_array_equal(Prepare(layout="CJI")(scan), expected.transpose(2, 0, 1))


def test_a_palette_of_16_bits_keeps_them(tmp_path):
    data = with_palette([256, 0, 16], RNG.integers(0, 65536, (3, 256)))
    shown = in_rgb(open_scan(save(data, tmp_path / "in.dcm")))
    np.testing.assert_array_equal(shown.stored()[:, 0, :, :, 0].T, apply_color_lut(data.pixel_array, data))


def test_a_missing_palette_and_two_palettes_are_told_and_refused(tmp_path):
    data = with_palette([256, 0, 8], RNG.integers(0, 256, (3, 256)))
    del data.RedPaletteColorLookupTableDescriptor
    bare = open_scan(save(data, tmp_path / "bare.dcm"))
    many = [with_palette([256, 0, 8], RNG.integers(0, 256, (3, 256)), number=n, InstanceNumber=n) for n in (1, 2)]
    save_all(many, tmp_path / "two")
    for scan in (bare, open_scan(tmp_path / "two")):
        assert any("colours are unknown" in problem for problem in scan.problems)
        with pytest.raises(UsageError, match="palette of these indices is unknown"):
            write_scan(scan, tmp_path / "x.png")
    assert not (tmp_path / "x.png").exists()
