from dataclasses import replace

import nibabel as nib
import numpy as np
import pydicom
import pytest
from PIL import Image

from vesalius.errors import OutputError, UsageError
from vesalius.scan.open import open_scan
from vesalius.scan.synthetic import FORMATS, Stamp, mask_digest, read_stamp, write_synthetic

STAMP = Stamp("generate/nuclei", "ab" * 32, "färbung, 細胞", 7, "cd" * 32, '{"steps": 10}', "case 1")
DRAW = np.random.default_rng(0)


def picture(channels, dtype=np.uint8):
    return DRAW.integers(0, np.iinfo(dtype).max, (9, 13, channels), dtype)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(("channels", "dtype"), [(1, np.uint8), (3, np.uint8), (1, np.uint16)])
def test_pixels_and_stamp_come_back(tmp_path, kind, channels, dtype):
    x_JIC = picture(channels, dtype)
    path = tmp_path / f"made.{kind}"
    write_synthetic(path, x_JIC, STAMP)
    assert read_stamp(path) == STAMP
    scan = open_scan(path)
    assert scan.shape == (channels, 1, 13, 9, 1)
    np.testing.assert_array_equal(scan.stored()[:, 0, :, :, 0].transpose(2, 1, 0), x_JIC)
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_picture_gives_the_same_bytes(tmp_path, kind):
    x_JIC = picture(3)
    for name in "ab":
        write_synthetic(tmp_path / f"{name}.{kind}", x_JIC, STAMP)
    assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_other_programs_see_it_too(tmp_path):
    for kind in FORMATS:
        write_synthetic(tmp_path / f"x.{kind}", picture(3), STAMP)
    text = Image.open(tmp_path / "x.png").text
    assert (text["Synthetic"], text["Caption"], text["Seed"]) == ("yes", STAMP.caption, "7")
    assert (text["Model"], text["Model digest"], text["Mask SHA-256"]) == ("generate/nuclei", "ab" * 32, "cd" * 32)
    assert bytes(nib.load(tmp_path / "x.nii.gz").header["descrip"]).startswith(b"synthetic, generate/nuclei")
    data = pydicom.dcmread(tmp_path / "x.dcm")
    assert list(data.ImageType) == ["DERIVED", "SECONDARY"]
    assert (data[0x0008001C].value, data.ConversionType, data.PatientID) == ("YES", "SYN", "SYNTHETIC")
    assert data.pixel_array.shape == (9, 13, 3)


def test_real_files_and_other_files_bear_no_stamp(tmp_path):
    Image.fromarray(picture(3)).save(tmp_path / "real.png")
    nib.save(nib.Nifti1Image(np.zeros((4, 4, 1), np.uint8), np.eye(4)), tmp_path / "real.nii.gz")
    for kind in FORMATS:
        (tmp_path / f"junk.{kind}").write_bytes(b"not a picture")
    (tmp_path / "notes.txt").write_text("Synthetic: yes")
    assert {path.name: read_stamp(path) for path in tmp_path.iterdir()} == dict.fromkeys(
        ["real.png", "real.nii.gz", "notes.txt", *(f"junk.{kind}" for kind in FORMATS)]
    )
    assert read_stamp(tmp_path / "absent.png") is None


def test_an_older_file_and_another_suffix_are_refused(tmp_path):
    path = tmp_path / "x.png"
    write_synthetic(path, picture(1), STAMP)
    with pytest.raises(OutputError, match="exists already"):
        write_synthetic(path, picture(1), STAMP)
    write_synthetic(path, picture(1), replace(STAMP, seed=8), force=True)
    assert read_stamp(path).seed == 8
    with pytest.raises(UsageError, match=r"is no name of a synthetic picture; end it in png, nii\.gz, dcm"):
        write_synthetic(tmp_path / "x.jpg", picture(1), STAMP)


def test_the_digest_of_a_mask_is_that_of_its_values():
    mask = np.arange(6).reshape(2, 3)
    assert mask_digest(mask.astype(np.uint8)) == mask_digest(mask.astype(np.int16))
    assert len({mask_digest(mask), mask_digest(mask.T), mask_digest(mask.reshape(3, 2)), mask_digest(None)}) == 4
