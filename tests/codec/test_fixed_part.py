"""What a file of a NIfTI source takes besides the payloads of its chunks, and what of the header it does not repeat."""

import nibabel as nib
import numpy as np
import pytest

from codec.scans import Kept, scan_of, smooth
from codec.second_decoder import affine, frame_ms, parse
from real_data import real
from vesalius.codec.compress import compress_scan
from vesalius.codec.container import VslReader
from vesalius.codec.decode import decode_scan
from vesalius.codec.options import CompressConfig
from vesalius.scan.open import open_scan

MOST = 400


def fixed_part(path):
    """Bytes of a file but those of the payloads of its chunks."""
    with VslReader(path) as reader:
        return reader.size - sum(frame.length for frame in reader.chunks(0).values())


def oblique(kind=nib.Nifti1Image):
    """A cine whose affine has no simple number, as scanners place it."""
    rotation, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    matrix = np.eye(4)
    matrix[:3, :3] = rotation * (1.5625, 1.5625, 8.4)
    matrix[:3, 3] = (-121.34, 87.21, -33.9)
    image = kind(smooth((1, 25, 40, 32, 9))[0].transpose(1, 2, 3, 0), matrix, dtype=np.int16)
    image.header.set_xyzt_units("mm", "sec")
    image.header["pixdim"][4] = 0.03
    return image


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_place_and_times_are_not_repeated(tmp_path, kind):
    image = oblique(kind)
    image.to_filename(tmp_path / "a.nii")
    scan = open_scan(tmp_path / "a.nii")
    compress_scan(scan, tmp_path / "a.vsl", CompressConfig(quality=60, coder="svtav1", threads=1))
    with VslReader(tmp_path / "a.vsl") as reader:
        assert reader.header["geometry"] == {"kind": "sform"}
        assert set(reader.header["frame_ms"]) == {"start", "step"}
    back, second = decode_scan(tmp_path / "a.vsl"), parse((tmp_path / "a.vsl").read_bytes())
    np.testing.assert_array_equal(back.affine, scan.affine)
    assert affine(second) == scan.affine.ravel().tolist()
    assert back.frame_ms == scan.frame_ms
    assert tuple(frame_ms(second)) == scan.frame_ms
    assert fixed_part(tmp_path / "a.vsl") < (400 if kind is nib.Nifti1Image else 500)


def test_the_header_of_a_pair_places_it_too(tmp_path):
    nib.Nifti1Pair.from_image(oblique()).to_filename(tmp_path / "a.hdr")
    scan = open_scan(tmp_path / "a.hdr")
    compress_scan(scan, tmp_path / "a.vsl", CompressConfig(quality=60, coder="svtav1", threads=1))
    with VslReader(tmp_path / "a.vsl") as reader:
        assert reader.header["geometry"] == {"kind": "sform", "blob": 1}
    np.testing.assert_array_equal(decode_scan(tmp_path / "a.vsl").affine, scan.affine)


def test_a_place_that_no_attachment_states_is_spelled_out(tmp_path):
    place = np.diag([1.5, -2.0, 8.0, 1.0])
    scan = scan_of(smooth((1, 3, 6, 5, 2)), geometry=place, native=Kept({"one": b"", "two": bytes(400)}))
    scan = scan.__class__(**{**vars(scan), "frame_ms": (0.0, 1.0, 5.0), "t_meaning": "time"})
    compress_scan(scan, tmp_path / "a.vsl", CompressConfig(coder="deflate", threads=1))
    second = parse((tmp_path / "a.vsl").read_bytes())
    assert affine(second) == place.ravel().tolist()
    assert frame_ms(second) == [0.0, 1.0, 5.0]
    assert (second.attachments[0], second.attachments[1]) == (b"", bytes(400))


@pytest.mark.parametrize("patient", ["006", "008", "010", "012", "013"])
def test_the_fixed_part_of_a_study_is_small(tmp_path, patient, capsys):
    source = real(f"cine-acdc-sample/patient{patient}/patient{patient}_4d.nii.gz")
    compress_scan(open_scan(source), tmp_path / "a.vsl", CompressConfig(quality=63, coder="svtav1"), job_id="0" * 16)
    size = fixed_part(tmp_path / "a.vsl")
    with capsys.disabled():
        print(f"\npatient{patient}: {size} bytes")  # noqa: T201
    assert size <= MOST
