import pytest

from vesalius.errors import CorruptFileError
from vesalius.scan import numpy_file
from vesalius.scan.dicom import write as dicom_write
from vesalius.scan.native import Kept, Packed, writer
from vesalius.scan.nifti import read as nifti
from vesalius.scan.pictures import stack as raster


@pytest.mark.parametrize(
    ("format", "module"), [("nifti", nifti), ("numpy", numpy_file), ("raster", raster), ("dicom", dicom_write)]
)
def test_every_format_has_its_writer(format, module):
    assert writer(format) is module.restore


def test_an_unknown_format_is_of_a_newer_version():
    with pytest.raises(CorruptFileError, match="'holograms' is unknown to this version; update vesalius"):
        writer("holograms")


def test_packed_is_empty_by_default():
    packed = Packed("nifti")
    assert (packed.facts, packed.blobs, packed.folder, packed.warnings) == ({}, {}, False, ())


def test_words_of_what_is_kept():
    assert Kept("attributes", 341).words == "attributes: 341 kept"
    assert Kept("attributes", 41, 9, 291).words == "attributes: 41 kept, 9 kept with another value, 291 not"
    named = Kept("tags", left_out=7, names=("a", "b", "c", "d", "e", "f", "g"))
    assert named.words == "tags: 7 not (a, b, c, d, e and 2 more)"
    assert Kept("tags", left_out=1, names=("text",)).words == "tags: 1 not (text)"


def test_lossy_files_hold_nothing_that_only_exact_pixels_can_use():
    kept = (Kept("attributes", 3), Kept("bits", 12, of_pixels=True))
    packed = Packed("dicom", blobs={"common": b"1", "high": b"2"}, kept=kept, exact=("high",)).for_lossy()
    assert packed.blobs == {"common": b"1"}
    assert packed.kept == (kept[0], Kept("bits", left_out=12, cure="a lossless file holds them", of_pixels=True))
    assert Packed("nifti", blobs={"a": b"1"}).for_lossy() == Packed("nifti", blobs={"a": b"1"})
