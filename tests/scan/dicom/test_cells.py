import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRBigEndian

from dicom_making import TEST_FILES, instance, placed, save, save_all
from vesalius.codec.compress import compress_scan
from vesalius.codec.options import CompressConfig
from vesalius.scan.dicom.cells import cells, high_bits, values
from vesalius.scan.dicom.header import read_instance
from vesalius.scan.open import open_scan
from vesalius.tasks.compress.decompress import decompress, verify
from vesalius.tasks.compress.run import compress

FOREIGN = "pixels with bits above BitsStored"
RNG = np.random.default_rng(3)
SIGNED = RNG.integers(-2048, 2048, (4, 9, 7)).astype("<i2")  # 12 bits
MARKS = np.zeros((4, 9, 7), "<u2")
MARKS[1, 2:5, 3] = 0x3000
MARKS[3, :, 0] = 0x8000


def marked_series(folder):
    """Signed values of 12 bits with foreign bits above them in two of four slices."""
    many = []
    for n in range(4):
        cells_JI = (SIGNED[n].view("<u2") & 0x0FFF) | MARKS[n]
        many.append(placed(cells_JI.view("<i2"), (0, 0, 2 * n), number=n + 1, BitsStored=12, HighBit=11))
    return save_all(many, folder)


def words(folder):
    """Pixel Data word by word, in the order of the slices."""
    every = [dcmread(path) for path in folder.iterdir()]
    every.sort(key=lambda data: data.ImagePositionPatient[2])
    return np.stack([np.frombuffer(data.PixelData, "<u2").reshape(9, 7) for data in every])


def test_bits_above_the_stored_ones_come_back(tmp_path):
    marked_series(tmp_path / "in")
    assert (open_scan(tmp_path / "in").stored()[0, 0].transpose(2, 1, 0) == SIGNED).all()  # readers mask them
    config = CompressConfig(coder="deflate", identifiers="keep")
    (written,) = compress([tmp_path / "in"], tmp_path / "a.vsl", config).written
    assert (written.kept[1].what, written.kept[1].kept, written.kept[1].left_out) == (FOREIGN, 12, 0)
    told = verify(tmp_path / "a.vsl", tmp_path / "in")
    assert (told.tiers[0].equal, told.kept[1].kept) == (True, 12)
    decompress(tmp_path / "a.vsl", tmp_path / "out")
    assert (words(tmp_path / "out") == words(tmp_path / "in")).all()
    assert (words(tmp_path / "out") & 0x3000).any()


def test_without_identifiers_they_are_left_out_and_counted(tmp_path):
    marked_series(tmp_path / "in")
    config = CompressConfig(coder="deflate")
    (written,) = compress([tmp_path / "in"], tmp_path / "a.vsl", config, cache=tmp_path).written
    assert (written.kept[1].what, written.kept[1].kept, written.kept[1].left_out) == (FOREIGN, 0, 12)
    told = verify(tmp_path / "a.vsl", tmp_path / "in").kept[1]
    assert (told.left_out, told.of_pixels) == (12, True)
    assert "--keep-identifiers" in told.cure


def test_a_lossy_file_does_not_hold_them(tmp_path):
    marked_series(tmp_path / "in")
    done = compress_scan(
        open_scan(tmp_path / "in"), tmp_path / "a.vsl", CompressConfig(max_error=3, identifiers="keep", coder="jpegxl")
    )
    assert {one.what: (one.kept, one.left_out) for one in done.kept}[FOREIGN] == (0, 12)
    assert "a lossless file holds them" in done.kept[1].cure
    assert verify(tmp_path / "a.vsl", tmp_path / "in").kept[1].left_out == 12


def test_a_value_in_the_high_bits_stays_there(tmp_path):
    """HighBit 15 of 12 stored bits: the value is the word divided by 16, and nothing of it is lost."""
    array = (RNG.integers(0, 4096, (5, 6)).astype("u2") << 4).astype("<u2")
    path = save(instance(array, BitsStored=12, HighBit=15), tmp_path / "a.dcm")
    compress([path], tmp_path / "a.vsl", CompressConfig(coder="deflate", identifiers="keep"))
    decompress(tmp_path / "a.vsl", tmp_path / "b.dcm")
    back = dcmread(tmp_path / "b.dcm")
    assert back.HighBit == 15
    assert (np.frombuffer(back.PixelData, "<u2").reshape(5, 6) == array).all()


@pytest.mark.parametrize("name", ["MR_small_bigendian.dcm", "MR_small.dcm", "SC_rgb_small_odd.dcm"])
def test_cells_are_what_pydicom_decodes(name):
    path = TEST_FILES / name
    element, data = read_instance(path).pixels, dcmread(path)
    found = cells(path, element)
    assert found.dtype.kind == "u"
    assert (values(found, element).squeeze() == data.pixel_array.squeeze()).all()
    assert high_bits(path, element) is None


def test_big_endian_words_are_turned(tmp_path):
    path = TEST_FILES / "MR_small_bigendian.dcm"
    element, data = read_instance(path).pixels, dcmread(path)
    assert element.syntax == ExplicitVRBigEndian
    expected = np.frombuffer(data.PixelData, ">u2").astype("<u2").reshape(1, 64, 64, 1)
    assert (cells(path, element) == expected).all()


def test_negative_values_without_their_sign_are_nothing_foreign(tmp_path):
    """Some writers leave zeros above the stored bits of a negative value."""
    cells_JI = SIGNED[0].view("<u2") & 0x0FFF
    path = save(instance(cells_JI.view("<i2"), BitsStored=12, HighBit=11), tmp_path / "a.dcm")
    high = high_bits(path, read_instance(path).pixels)
    assert (high.foreign, np.count_nonzero(high.difference_NJIC)) == (0, np.count_nonzero(SIGNED[0] < 0))
    (written,) = compress([path], tmp_path / "a.vsl", CompressConfig(coder="deflate", identifiers="keep")).written
    assert [one.what for one in written.kept] == ["attributes"]
    decompress(tmp_path / "a.vsl", tmp_path / "b.dcm")
    assert dcmread(tmp_path / "b.dcm").PixelData == dcmread(path).PixelData


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small.dcm", "SC_rgb_small_odd.dcm"])
def test_ordinary_pictures_have_none(name):
    path = TEST_FILES / name
    facts = read_instance(path)
    assert facts is None or high_bits(path, facts.pixels) is None


def test_only_the_frames_that_belong_to_the_scan_count(tmp_path):
    array = np.zeros((3, 4, 5), "<u2")
    array[1], array[2, 0, 0] = 0x2001, 0x1000
    path = save(instance(array, BitsStored=12, HighBit=11), tmp_path / "a.dcm")
    element = read_instance(path).pixels
    assert high_bits(path, element).foreign == 21
    assert high_bits(path, element, (0,)) is None
    picked = high_bits(path, element, (0, 2))
    assert (picked.foreign, picked.difference_NJIC.shape) == (1, (2, 4, 5, 1))
