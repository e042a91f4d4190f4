"""Every NIfTI file and DICOM folder of the real data opens, is described rightly, and survives a round trip."""

import gzip
import json
from dataclasses import asdict
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from real_data import real
from vesalius.codec.compress import compress_scan
from vesalius.codec.decode import open_vsl, restore
from vesalius.codec.options import CompressConfig
from vesalius.codec.verify import verify
from vesalius.scan.open import find_scans, open_scan
from vesalius.tasks.inspect import inspect

KEY = bytes(range(32))
FAST_VOXELS = 200_000
"""Round trips of larger scans are marked slow."""


def _niftis() -> list[Path]:
    return sorted(path for path in real(".").rglob("*.nii*") if path.name.endswith((".nii", ".nii.gz")))


def _sample(paths: list[Path], largest: int) -> list[Path]:
    """Small enough files, every tenth of a folder with many."""
    by_folder: dict[Path, list[Path]] = {}
    for path in paths:
        by_folder.setdefault(path.parent, []).append(path)
    kept = [path for group in by_folder.values() for path in group[:: max(1, len(group) // 8)]]
    return [path for path in kept if np.prod(nib.load(path).shape) <= largest]


def _inflated(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.name.endswith(".gz") else path.read_bytes()


def _round_trip(path: Path, folder: Path) -> None:
    scan = open_scan(path)
    compress_scan(scan, folder / "a.vsl", CompressConfig(threads=2), uid_key=KEY)
    restored = folder / "b.nii"
    restore(open_vsl(folder / "a.vsl"), restored, threads=2, force=True)
    assert restored.read_bytes() == _inflated(path), path.name
    assert [check.equal for check in verify(folder / "a.vsl", scan, threads=2)] == [True]
    (folder / "a.vsl").unlink()


def test_every_nifti_is_what_nibabel_says():
    paths = _niftis()
    assert paths
    for path in _sample(paths, 10**9):
        image, scan = nib.load(path), open_scan(path)
        c, t, i, j, k = scan.shape
        padded = (*image.shape, 1, 1, 1, 1)
        assert (i, j, k, t) == padded[:4], path.name
        assert c == np.prod(image.shape[4:], dtype=int), path.name
        assert scan.dtype == image.get_data_dtype(), path.name
        np.testing.assert_allclose(scan.affine, image.affine, atol=1e-4)
        assert scan.orientation == "".join(nib.aff2axcodes(image.affine)), path.name
        middle = k // 2
        ours = scan.values(k=slice(middle, middle + 1), dtype=np.float64)[0, 0, :, :, 0]
        theirs = np.asarray(image.dataobj[(slice(None), slice(None), middle, *[0] * (len(image.shape) - 3))])
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_small_niftis_come_back_byte_for_byte(tmp_path):
    paths = _sample(_niftis(), FAST_VOXELS)
    assert paths
    for path in paths:
        _round_trip(path, tmp_path)


@pytest.mark.slow
def test_all_niftis_come_back_byte_for_byte(tmp_path):
    for path in _niftis():
        _round_trip(path, tmp_path)


def test_inspect_describes_all_and_fails_only_at_bundles_of_arrays():
    result = inspect([real(".")])
    assert [one for one in result.failed if not one.path.endswith(".npz")] == []
    assert json.loads(json.dumps(asdict(result)))
    described = {scan.format for scan in result.scans}
    assert {"nifti", "dicom"} <= described


def test_every_dicom_series_comes_back_as_instances(tmp_path):
    folders = sorted({path.parent for path in real(".").rglob("*") if path.is_file() and _is_dicom(path)})
    assert folders
    for number, folder in enumerate(folders):
        (found,) = find_scans(folder)
        scan = found.open()
        compress_scan(scan, tmp_path / f"{number}.vsl", CompressConfig(threads=2), uid_key=KEY)
        back = tmp_path / str(number)
        restore(open_vsl(tmp_path / f"{number}.vsl"), back, threads=2)
        sources = {_place(data): data for data in map(pydicom.dcmread, _files(folder))}
        restored = {_place(data): data for data in map(pydicom.dcmread, _files(back))}
        assert sources.keys() == restored.keys()
        for place, source in sources.items():
            assert np.array_equal(source.pixel_array, restored[place].pixel_array)
            assert restored[place].get("RescaleIntercept") == source.get("RescaleIntercept")
            assert restored[place].file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
            assert not restored[place].get("PatientName")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _place(data: pydicom.Dataset) -> tuple[object, ...]:
    return (*map(float, data.ImagePositionPatient), data.get("TriggerTime"), data.InstanceNumber)
