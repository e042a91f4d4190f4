import os

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from dicom_making import TEST_FILES
from real_data import real
from vesalius.errors import InputError, UsageError
from vesalius.scan.open import FORMATS, find_scans, open_scan, suffix
from vesalius.scan.reading import Reading


@pytest.fixture
def folder(tmp_path, make_nifti):
    """One file of each kind, in two folders."""
    make_nifti(name="a.nii")
    make_nifti(name="b.nii.gz")
    nib.save(nib.Nifti1Pair(np.zeros((4, 3, 2), "i2"), np.eye(4)), tmp_path / "pair.img")
    (tmp_path / "sub").mkdir()
    np.save(tmp_path / "sub" / "c.npy", np.zeros((4, 3)))
    Image.fromarray(np.zeros((4, 3), "u1")).save(tmp_path / "sub" / "d.PNG")
    (tmp_path / "sub" / ".e.npy").write_bytes(b"hidden")
    (tmp_path / "readme.txt").write_text("nothing to see")
    return tmp_path


def test_a_folder_is_searched_through(folder):
    found = find_scans(folder)
    assert [(one.path.name, one.format, one.name) for one in found] == [
        ("a.nii", "nifti", "a"),
        ("b.nii.gz", "nifti", "b"),
        ("pair.img", "nifti", "pair"),
        ("c.npy", "numpy", "c"),
        ("d.PNG", "raster", "d.PNG"),
    ]
    for one in found:
        assert one.open().stored().size > 0
    assert [one.path for one in find_scans(folder)] == [one.path for one in found]


def test_one_file(folder):
    assert open_scan(folder / "a.nii").shape == (1, 1, 24, 20, 6)
    assert open_scan(str(folder / "pair.img")).shape == (1, 1, 4, 3, 2)


def test_several_scans_are_listed(folder):
    with pytest.raises(UsageError, match=r"holds 5 scans \(a.nii, b.nii.gz.*; name one file$"):
        open_scan(folder)


def test_nothing_there(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        find_scans(tmp_path / "absent")
    with pytest.raises(InputError, match="no readable scan here"):
        find_scans(tmp_path)
    (tmp_path / "a.dcm").write_bytes((TEST_FILES / "CT_small.dcm").read_bytes())
    with pytest.raises(UsageError, match=r"no series that ends in 1\.2; there are 1\.3\.6\.1"):
        find_scans(tmp_path, Reading(series="1.2"))
    os.mkfifo(tmp_path / "fifo.nii")
    with pytest.raises(InputError, match="is neither a file nor a folder"):
        find_scans(tmp_path / "fifo.nii")
    (tmp_path / "x.txt").write_text("text")
    with pytest.raises(InputError, match="no readable scan here"):
        find_scans(tmp_path / "x.txt")


def test_a_numbered_stack_is_one_scan(tmp_path):
    for number in range(3):
        Image.fromarray(np.full((4, 5), number, "u1")).save(tmp_path / f"s{number}.png")
    (found,) = find_scans(tmp_path)
    assert found.path == tmp_path
    assert found.open().shape == (1, 1, 5, 4, 3)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.nii.gz", ".nii.gz"),
        ("A.NII.GZ", ".nii.gz"),
        ("a.b.nii", ".nii"),
        ("a.1.2.gz", ".gz"),
        ("a", ""),
        ("i.dcm", ".dcm"),
    ],
)
def test_suffixes(name, expected, tmp_path):
    assert suffix(tmp_path / name) == expected


def test_formats():
    assert {"dicom", "nii", "nii.gz", "nrrd", "mha", "npz", "png", "tiff"} <= FORMATS


@pytest.mark.data
def test_a_real_series_is_one_scan():
    (found,) = find_scans(real("ct-head-tilted-dicom"))
    assert found.format == "dicom"
    assert found.series_uid
    assert open_scan(real("ct-head-tilted-dicom"), Reading(series=found.series_uid[-6:])).shape[4] == 28


def test_an_img_may_be_dicom(tmp_path):
    (tmp_path / "slice.img").write_bytes((TEST_FILES / "CT_small.dcm").read_bytes())
    (found,) = find_scans(tmp_path)
    assert (found.format, found.open().modality) == ("dicom", "CT")
