import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from dicom_making import TEST_FILES
from real_data import real
from vesalius.errors import InputError, UsageError
from vesalius.scan.open import FORMATS, find_scans, list_scans, open_scan, suffix
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
    with pytest.raises(UsageError, match=r"no series that ends in 1\.2; choose from 1\.3\.6\.1"):
        find_scans(tmp_path, Reading(series="1.2"))
    os.mkfifo(tmp_path / "fifo.nii")
    with pytest.raises(InputError, match=r"fifo\.nii: is a FIFO, not a file"):
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


def refusals(path):
    return {one.path.name: str(one.refusal) for one in find_scans(path) if one.refusal is not None}


def test_what_looks_like_a_scan_and_is_not_read_is_named(folder):
    archive = zipfile.ZipFile(folder / "study.zip", "w")
    archive.writestr("IM1", "x")
    archive.close()
    shutil.copy(folder / "study.zip", folder / "table.xlsx")
    shutil.copy(folder / "a.nii", folder / "volume.nifti")
    shutil.copy(folder / "b.nii.gz", folder / "volume.gz")
    (folder / "notes.txt.gz").write_bytes(gzip.compress(b"text"))
    (folder / "gone.nii").symlink_to("annex")
    (folder / "gone.txt").symlink_to("annex")
    (folder / "c.dcm").write_bytes(b"")
    os.mkfifo(folder / "sub" / "fifo")
    assert refusals(folder) == {
        "c.dcm": f"{folder}/c.dcm: is an empty file; copy it again",
        "fifo": f"{folder}/sub/fifo: is a FIFO, not a file; move it away",
        "gone.nii": f"{folder}/gone.nii: is a link that leads nowhere; copy the file that it points to",
        "study.zip": f"{folder}/study.zip: is a zip archive; unpack it first",
        "volume.gz": f"{folder}/volume.gz: is a gzipped NIfTI file by its content; name it .nii.gz",
        "volume.nifti": f"{folder}/volume.nifti: is a NIfTI file by its content; name it .nii",
    }
    for one in find_scans(folder):
        if one.refusal is not None:
            with pytest.raises(InputError, match=one.path.name):
                one.open()
    others = list_scans(folder).others_line()
    assert others == "4 other file(s) are not scans: 2 .txt, 1 .gz, 1 .xlsx"


def test_the_one_file_that_is_given_is_named_whatever_it_is(tmp_path):
    for name, content, what in (
        ("a.xz", b"\xfd7zXZ\0", "is an xz file; unpack it first"),
        ("a.jfif", b"\xff\xd8\xff\xe0", "is a JPEG picture by its content; name it .jpg"),
        ("a.mnc", b"\x89HDF\r\n", "is an HDF5 file, perhaps MINC; convert it to NIfTI first"),
        ("a", b"", "is an empty file; copy it again"),
        ("a.nii", b"PK\x03\x04", "is a zip archive by its content; unpack it first"),
        ("a.vsl", b"\x89VSL\r\n\x1a\n", "is a .vsl file; restore it with vesalius decompress first"),
        ("a.nrrd", gzip.compress(b"NRRD0004", mtime=0), "is a gzipped NRRD file by its content; unpack it first"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError) as caught:
            open_scan(tmp_path / name)
        assert str(caught.value) == f"{tmp_path / name}: {what}"


def test_the_scan_that_is_left_names_what_it_lost(tmp_path, make_nifti):
    make_nifti(name="a.nii")
    (tmp_path / "b.zip").write_bytes(b"PK\x03\x04")
    assert open_scan(tmp_path).problems[-1] == "1 file in its folder cannot be read and may be of this scan: b.zip"
    assert "b.zip" not in " ".join(open_scan(tmp_path / "a.nii").problems)
    (tmp_path / "a.nii").unlink()
    with pytest.raises(InputError, match=r"b\.zip: is a zip archive"):
        open_scan(tmp_path)


@pytest.mark.parametrize("closed", ["sub", "."])
def test_a_folder_that_cannot_be_listed_is_named(closed, folder, monkeypatch):
    scandir = os.scandir

    def refusing(path):
        if Path(path) == folder / closed:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    line = f"{folder / closed}: cannot be listed (Permission denied); get permission to read it"
    assert line in refusals(folder).values()
    assert len(find_scans(folder)) == (4 if closed == "sub" else 1)


@pytest.fixture
def shared_folder():
    """A folder that every user may look into."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        yield Path(place)


def test_what_may_not_be_read_is_named(shared_folder, make_nifti):
    """In a process of another user where the tests run as root, which may read everything."""
    shutil.copy(make_nifti(), shared_folder / "a.nii")
    (shared_folder / "IM0001").write_bytes((TEST_FILES / "CT_small.dcm").read_bytes())
    (shared_folder / "sub").mkdir()
    for path in shared_folder.iterdir():
        path.chmod(0)
    code = "import os, sys; import vesalius.scan.numpy_file, vesalius.scan.pictures.stack, vesalius.scan.nifti.read\n"
    code += "from vesalius.scan.dicom import header, series\n"
    code += "from vesalius.scan.open import find_scans; os.geteuid() or os.setuid(65534)\n"
    code += "for one in find_scans(sys.argv[1]):\n"
    code += "    try: one.open()\n    except Exception as error: print(type(error).__name__, error)"
    done = subprocess.run([sys.executable, "-c", code, shared_folder], capture_output=True, text=True)
    (shared_folder / "sub").chmod(0o700)
    named = {line.split("/")[-1].partition(":")[0] for line in done.stdout.splitlines()}
    assert named == {"a.nii", "IM0001", "sub"}, done.stderr
    assert all(line.startswith("InputError") and "ermission" in line for line in done.stdout.splitlines())
