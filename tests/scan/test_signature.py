import gzip
import io
import struct
import tarfile
import zipfile

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from dicom_making import TEST_FILES
from vesalius.errors import InputError
from vesalius.scan.signature import HEAD_BYTES, head_of_file, is_dicom, misread, signature


def zipped(name="a.dcm"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, b"x" * 100)
    return out.getvalue()


def tarred():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.dcm"))
    return out.getvalue()


def nifti(cls=nib.Nifti1Image):
    return cls(np.zeros((4, 3, 2), "i2"), np.eye(4)).to_bytes()


def picture(format):
    out = io.BytesIO()
    Image.fromarray(np.zeros((4, 3), "u1")).save(out, format)
    return out.getvalue()


def array():
    out = io.BytesIO()
    np.save(out, np.zeros(3))
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "suffix"),
    [
        (nifti(), "a NIfTI file", ".nii"),
        (nifti(nib.Nifti2Image), "a NIfTI file", ".nii"),
        (gzip.compress(nifti(), mtime=0), "a gzipped NIfTI file", ".nii.gz"),
        ((TEST_FILES / "MR_small.dcm").read_bytes(), "a DICOM file", ".dcm"),
        (b"NRRD0004\ntype: short\n", "an NRRD file", ".nrrd"),
        (b"ObjectType = Image\nNDims = 3\n", "a MetaImage file", ".mha"),
        (picture("PNG"), "a PNG picture", ".png"),
        (picture("JPEG"), "a JPEG picture", ".jpg"),
        (picture("TIFF"), "a TIFF picture", ".tif"),
        (array(), "a NumPy file", ".npy"),
        (zipped(), "a zip archive", None),
        (tarred(), "a tar archive", None),
        (gzip.compress(tarred(), mtime=0), "a gzipped tar archive", None),
        (gzip.compress(b"NRRD0004\n", mtime=0), "a gzipped NRRD file", None),
        (gzip.compress(b"text", mtime=0), "a gzip file", None),
    ],
)
def test_kinds(content, name, suffix):
    found = signature(content[:HEAD_BYTES])
    assert found.name == name
    assert (found.suffixes or (None,))[0] == suffix
    assert found.fix == ("unpack it first" if suffix is None else found.fix)
    assert suffix is None or found.fix.startswith(f"name it {suffix}")


@pytest.mark.parametrize("content", [b"", b"BZh is a word", b"text " * 99, bytes(4096), b"\x1f\x8b", b"\x08\0", b"II"])
def test_what_is_nothing(content):
    found = signature(content)
    assert found is None or found.name == "a gzip file"


def bare(implicit, little):
    """CT_small without its file meta information, in any of the encodings of a data set."""
    data = dcmread(TEST_FILES / "CT_small.dcm")
    out = DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = little, implicit
    if not little:
        data.PixelData = data.PixelData[::-1]
    write_dataset(out, data)
    return out.getvalue()


@pytest.mark.parametrize(("implicit", "little"), [(True, True), (False, True), (False, False)])
def test_a_data_set_without_the_magic_is_dicom(implicit, little):
    assert is_dicom(bare(implicit, little)[:HEAD_BYTES])


def test_file_meta_information_without_the_preamble_is_dicom():
    assert is_dicom((TEST_FILES / "CT_small.dcm").read_bytes()[132:HEAD_BYTES])


@pytest.mark.parametrize(
    "head",
    [
        struct.pack("<HHI", 8, 5, 9) + b"ISO_IR 100",  # an odd length
        struct.pack("<HHI", 8, 5, 10) + b"ISO_IR 100" + struct.pack("<HH", 2, 0),  # a lower tag follows
        struct.pack("<HHI", 8, 5, 10) + b"ISO_IR 100" + struct.pack("<HH", 0x8000, 0),  # no such group
        struct.pack("<HHI", 8, 5, 1 << 20) + bytes(4000),  # a first value too long
        struct.pack("<HHI", 6, 5, 10) + b"ISO_IR 100" + struct.pack("<HH", 8, 8),  # another group begins
        struct.pack("<HHI", 8, 5, 10),  # nothing follows
        b"\x08\x00" + bytes(range(200)),
    ],
)
def test_what_only_looks_like_a_data_set(head):
    assert not is_dicom(head)


def test_random_bytes_are_no_dicom():
    draw = np.random.default_rng(0)
    heads = [b"\x08\0" + draw.integers(0, 256, 600, np.uint8).tobytes() for _ in range(3000)]
    assert sum(map(is_dicom, heads)) <= 3


def test_the_reason_of_a_reader_gives_way_to_a_better_one(tmp_path):
    error = InputError("damaged", where="x")
    for name, content, what in (
        ("a.nii", zipped(), "is a zip archive by its content; unpack it first"),
        ("a.png", picture("JPEG"), "is a JPEG picture by its content; name it .jpg"),
        ("a.mha", nifti(), "is a NIfTI file by its content; name it .nii"),
        ("a.nii", b"", "is an empty file; copy it again"),
    ):
        (tmp_path / name).write_bytes(content)
        assert str(misread(tmp_path / name, error)) == f"{tmp_path / name}: {what}"
    for name, content in (("b.nii.gz", gzip.compress(b"text", mtime=0)), ("b.NII", nifti()), ("b.nii", b"noise" * 99)):
        (tmp_path / name).write_bytes(content)
        assert misread(tmp_path / name, error) is error
    assert misread(tmp_path / "absent.nii", error) is error


def test_the_head_of_what_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        head_of_file(tmp_path / "absent")
