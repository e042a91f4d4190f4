import pytest

from vesalius.errors import CorruptFileError
from vesalius.scan import dicom_write, nifti, numpy_file, raster
from vesalius.scan.native import Packed, writer


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
