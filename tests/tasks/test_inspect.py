import json
from dataclasses import asdict

import numpy as np
import pytest
from PIL import Image

from real_data import real
from vesalius.codec.compress import compress_scan
from vesalius.codec.options import CompressConfig
from vesalius.errors import InputError
from vesalius.scan.open import open_scan
from vesalius.scan.scan import Scan
from vesalius.scan.write import write_scan
from vesalius.tasks.inspect import inspect, lines


@pytest.fixture
def folder(tmp_path):
    array = np.random.default_rng(0).integers(-500, 1500, (1, 3, 6, 5, 4)).astype("i2")
    cine = Scan.from_array(array, np.diag([-1.5, 2, 4, 1]), frame_ms=(0.0, 40, 80), t_meaning="time")
    write_scan(cine, tmp_path / "a.nii.gz")
    np.save(tmp_path / "b.npy", np.ones((4, 5), "f4"))
    (tmp_path / "c.nii").write_bytes(b"damaged")
    (tmp_path / "stack").mkdir()
    return tmp_path


def test_every_scan_is_described_and_the_damaged_one_told(folder):
    result = inspect([folder])
    first, second = result.scans
    assert first.path == str(folder / "a.nii.gz")
    assert first.format == "nifti"
    assert first.shape == (1, 3, 6, 5, 4)
    assert first.spacing_mm == (1.5, 2, 4)
    assert first.orientation == "LAS"
    assert first.frame_ms == (0, 40, 80)
    assert first.bytes == (folder / "a.nii.gz").stat().st_size
    assert second.grid_problem == "the file states no geometry"
    (failed,) = result.failed
    assert failed.path == str(folder / "c.nii")
    assert len(failed.error.splitlines()) == 1


def test_lines_for_people(folder):
    shown = "\n".join(lines(inspect([folder])))
    assert "6 x 5 x 4 voxels, 3 frames over 80 ms, <i2" in shown
    assert "spacing 1.5 x 2 x 4 mm, axes towards LAS" in shown
    assert "failed: " in shown
    assert "values -" not in shown


def test_values_only_where_asked(folder):
    (facts,) = inspect([folder / "a.nii.gz"], values=True).scans
    stored = open_scan(folder / "a.nii.gz").stored()
    assert facts.range == (stored.min(), stored.max())
    assert inspect([folder / "a.nii.gz"]).scans[0].range is None
    np.save(folder / "n.npy", np.full((4, 5), np.nan))
    np.save(folder / "z.npy", np.ones((4, 5), "c8"))
    for name in ("n.npy", "z.npy"):
        assert inspect([folder / name], values=True).scans[0].range is None


def test_one_bad_path_alone_is_an_error_and_among_others_a_failure(folder):
    with pytest.raises(InputError, match=r"c\.nii"):
        inspect([folder / "c.nii"])
    with pytest.raises(InputError, match="no such file"):
        inspect([folder / "absent"])
    result = inspect([folder / "absent", folder / "c.nii", folder / "b.npy"])
    assert (len(result.scans), len(result.failed)) == (1, 2)


def test_bytes_of_several_files(folder):
    for number in range(3):
        Image.fromarray(np.full((4, 5), number, "u1")).save(folder / "stack" / f"s{number}.png")
    (facts,) = inspect([folder / "stack"]).scans
    assert facts.bytes == sum(path.stat().st_size for path in (folder / "stack").iterdir())


def test_vsl_files(folder):
    scan = open_scan(folder / "a.nii.gz")
    compress_scan(scan, folder / "d.vsl", CompressConfig(threads=1))
    (facts,) = inspect([folder / "d.vsl"]).scans
    assert facts.format == "vsl"
    assert facts.shape == scan.shape
    assert facts.vsl["bytes"] == (folder / "d.vsl").stat().st_size
    (folder / "e.vsl").write_bytes(b"VSL?")
    result = inspect([folder])
    assert [one.path for one in result.scans if one.format == "vsl"] == [str(folder / "d.vsl")]
    assert str(folder / "e.vsl") in [one.path for one in result.failed]


@pytest.mark.data
def test_no_patient_in_what_is_said():
    path = real("ct-head-tilted-dicom")
    pydicom = pytest.importorskip("pydicom")
    header = pydicom.dcmread(next(iter(path.glob("*.dcm"))), stop_before_pixels=True)
    result = inspect([path])
    text = json.dumps(asdict(result)) + " ".join(lines(result))
    for name in ("PatientName", "PatientID", "PatientBirthDate", "InstitutionName"):
        value = str(header.get(name, "")).strip()
        assert not value or value not in text.replace(str(path), "")


def test_other_files_are_counted_and_lost_ones_named(folder):
    for name in ("a.txt", "b.txt", "table.csv"):
        (folder / name).write_text("text")
    (folder / "x.zip").write_bytes(b"PK\x03\x04")
    result = inspect([folder])
    assert result.notes == (f"{folder}: 3 other file(s) are not scans: 2 .txt, 1 .csv",)
    assert [one.error.partition(": ")[2] for one in result.failed][1:] == ["is a zip archive; unpack it first"]
    assert lines(result)[-1] == f"note: {result.notes[0]}"
    assert inspect([folder / "a.nii.gz"]).notes == ()
