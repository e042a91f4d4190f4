import hashlib

import nibabel as nib
import numpy as np
import pytest

from codec.scans import CASE_TYPES, noise, smooth, write_nifti
from codec.test_decode import rewritten
from vesalius.codec import decode as module
from vesalius.codec.compress import compress_scan
from vesalius.codec.container import VslReader
from vesalius.codec.decode import check_digest, lossy_note, open_vsl, restore
from vesalius.codec.options import CompressConfig
from vesalius.errors import CorruptFileError, OutputError
from vesalius.scan.nifti import read as nifti


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A NIfTI file (I, J, K, T) and its `.vsl` file."""
    folder = tmp_path_factory.mktemp("source")
    path = write_nifti(folder / "in.nii", smooth((1, 2, 9, 8, 4))[0].transpose(1, 2, 3, 0))
    compress_scan(nifti.read(path), folder / "in.vsl", CompressConfig(coder="deflate", threads=1))
    return folder


def test_the_file_comes_back_byte_for_byte(source, tmp_path):
    done = restore(open_vsl(source / "in.vsl"), tmp_path / "out.nii", threads=2)
    assert (tmp_path / "out.nii").read_bytes() == (source / "in.nii").read_bytes()
    assert (done.path, done.tier, done.checksum, done.lost.chunks) == (tmp_path / "out.nii", "lossless", True, ())


@pytest.mark.parametrize("dtype", CASE_TYPES)
def test_every_type_of_nifti_comes_back_byte_for_byte(tmp_path, dtype):
    path = write_nifti(tmp_path / "in.nii", noise(dtype, (5, 4, 3, 2)))
    compress_scan(nifti.read(path), tmp_path / "in.vsl", CompressConfig(coder="deflate", threads=1))
    restore(open_vsl(tmp_path / "in.vsl"), tmp_path / "out.nii", threads=1)
    assert (tmp_path / "out.nii").read_bytes() == path.read_bytes()


def test_an_existing_file_is_refused_or_replaced(source, tmp_path):
    target = tmp_path / "out.nii"
    target.write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists already"):
        restore(open_vsl(source / "in.vsl"), target, threads=1)
    assert target.read_bytes() == b"mine"
    restore(open_vsl(source / "in.vsl"), target, threads=1, force=True)
    assert nib.load(target).shape == (9, 8, 4, 2)


def test_a_damaged_chunk_leaves_no_file(source, tmp_path):
    data = bytearray((source / "in.vsl").read_bytes())
    with VslReader(source / "in.vsl") as reader:
        data[reader.chunks(0)[2].offset + 4] ^= 8
    (tmp_path / "in.vsl").write_bytes(data)
    with pytest.raises(CorruptFileError, match=r"chunk 2 \(slice 2\)"):
        restore(open_vsl(tmp_path / "in.vsl"), tmp_path / "out.nii", threads=1)
    assert [path.name for path in tmp_path.iterdir()] == ["in.vsl"]
    done = restore(open_vsl(tmp_path / "in.vsl", salvage=True), tmp_path / "out.nii", threads=1)
    assert (done.lost.slices, done.checksum) == ((2,), None)
    back, original = nib.load(tmp_path / "out.nii").get_fdata(), nib.load(source / "in.nii").get_fdata()
    np.testing.assert_array_equal(back[:, :, [0, 1, 3]], original[:, :, [0, 1, 3]])
    assert (back[:, :, 2] == original[:, :, [0, 1, 3]].min()).all()


def test_wrong_values_are_found_by_their_checksum(source, tmp_path):
    """A decoder that errs is found out even where every stored byte is right."""

    def tail(raw):
        return {"tiers": [{**raw["tiers"][0], "sha256": hashlib.sha256(b"other").hexdigest()}]}

    path = rewritten(source / "in.vsl", tmp_path / "b.vsl", lambda header: header, tail)
    with pytest.raises(CorruptFileError, match="not those that were coded"):
        restore(open_vsl(path), tmp_path / "out.nii", threads=1)
    assert not (tmp_path / "out.nii").exists()


def test_no_checksum_is_no_proof(source, tmp_path):
    path = rewritten(source / "in.vsl", tmp_path / "b.vsl", lambda header: header, lambda raw: {"tiers": [{}]})
    assert check_digest(open_vsl(path), "anything") is None
    assert restore(open_vsl(path), tmp_path / "out.nii", threads=1).checksum is None


FACTS = {
    "none": {},
    "shape of text": {"file_shape": "abc", "file_dtype": "<i2", "pair": False},
    "shape of nothing": {"file_shape": None, "file_dtype": "<i2", "pair": False},
    "another shape": {"file_shape": [9, 8, 4, 3], "file_dtype": "<i2", "pair": False},
    "no shape": {"file_shape": [], "file_dtype": "<i2", "pair": False},
}


@pytest.mark.parametrize("name", FACTS)
def test_facts_that_the_writer_cannot_use_are_the_files_fault(source, tmp_path, name):
    path = rewritten(source / "in.vsl", tmp_path / "b.vsl", lambda header: {**header, "facts": FACTS[name]})
    with pytest.raises(CorruptFileError) as caught:
        restore(open_vsl(path), tmp_path / "out.nii", threads=1)
    assert len(str(caught.value).splitlines()) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["b.vsl"]


def test_names_and_formats_that_do_not_fit_are_refused(source, tmp_path):
    for number, change in enumerate(
        [
            lambda h: {**h, "format": "xls"},
            lambda h: {**h, "native_blobs": ["other"]},
            lambda h: {**h, "native_blobs": []},
        ]
    ):
        path = rewritten(source / "in.vsl", tmp_path / f"{number}.vsl", change)
        with pytest.raises(CorruptFileError):
            restore(open_vsl(path), tmp_path / "out.nii", threads=1)
    assert not (tmp_path / "out.nii").exists()


def test_a_lossy_file_says_so(source, tmp_path, monkeypatch):
    assert lossy_note(open_vsl(source / "in.vsl")) is None
    compress_scan(
        nifti.read(source / "in.nii"), tmp_path / "a.vsl", CompressConfig(max_error=4, coder="jpegxl", threads=1)
    )
    file = open_vsl(tmp_path / "a.vsl")
    note = lossy_note(file)
    assert note.ratio == 2 * 9 * 8 * 4 * 2 / (tmp_path / "a.vsl").stat().st_size
    assert note.method == "jpegxl"
    seen = []
    monkeypatch.setattr(module, "writer", lambda name: lambda packed, pixels, path, lossy: seen.append(lossy))
    restore(file, tmp_path / "out.nii", threads=1)
    assert seen == [note]
