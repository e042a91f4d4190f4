import nibabel as nib
import numpy as np
import pytest

from codec.scans import smooth, write_nifti
from vesalius.codec.container import VslReader
from vesalius.codec.options import CompressConfig
from vesalius.errors import CorruptFileError, OutputError, UsageError
from vesalius.tasks.compress.decompress import decompress, verify
from vesalius.tasks.compress.run import compress

SERIES = smooth((1, 3, 14, 12, 4))[0].transpose(1, 2, 3, 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """in.nii (I, J, K, T), in.vsl with two tiers, in.npy and npy.vsl."""
    folder = tmp_path_factory.mktemp("source")
    write_nifti(folder / "in.nii", SERIES, slope=2.0, inter=-5.0)
    compress([folder / "in.nii"], folder / "in.vsl", CompressConfig(coder="jpegxl", lossless=True, max_error=8))
    np.save(folder / "in.npy", SERIES.transpose(3, 0, 1, 2))
    compress([folder / "in.npy"], folder / "npy.vsl", CompressConfig(coder="deflate"))
    return folder


def test_the_best_tier_comes_back_as_the_file_it_was(folder, tmp_path):
    result = decompress(folder / "in.vsl", tmp_path / "out.nii")
    assert (tmp_path / "out.nii").read_bytes() == (folder / "in.nii").read_bytes()
    assert result.path == tmp_path / "out.nii"
    assert (result.tier, result.checksum) == ("lossless", True)
    assert list(result.lost.chunks) == []


def test_another_tier_can_be_asked_for(folder, tmp_path):
    result = decompress(folder / "in.vsl", tmp_path / "out.nii.gz", tier="lossy")
    assert result.tier == "lossy"
    back, original = nib.load(tmp_path / "out.nii.gz"), nib.load(folder / "in.nii")
    error = np.abs(back.get_fdata() - original.get_fdata())
    assert 0 < error.max() <= 8
    np.testing.assert_array_equal(back.affine, original.affine)


def test_arrays_come_back_byte_for_byte(folder, tmp_path):
    decompress(folder / "npy.vsl", tmp_path / "out.npy")
    assert (tmp_path / "out.npy").read_bytes() == (folder / "in.npy").read_bytes()


@pytest.mark.parametrize("name", ["out.npy", "out.png", "out", "out.dcm"])
def test_another_kind_of_file_is_refused(folder, tmp_path, name):
    with pytest.raises(UsageError, match=r"came from nifti; name the output \.nii or \.nii\.gz"):
        decompress(folder / "in.vsl", tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("options", "cut"), [({"slice_number": 2}, np.s_[:, :, 2:3]), ({"frame": 1}, np.s_[..., 1:2])])
def test_a_piece_is_a_new_file_in_its_place(folder, tmp_path, options, cut):
    result = decompress(folder / "in.vsl", tmp_path / "piece.nii", **options)
    assert (result.slice, result.frame) == (options.get("slice_number"), options.get("frame"))
    piece, original = nib.load(tmp_path / "piece.nii"), nib.load(folder / "in.nii")
    expected = original.get_fdata()[cut]
    np.testing.assert_allclose(piece.get_fdata().reshape(expected.shape), expected, rtol=1e-6)
    shift = [0, 0, options.get("slice_number", 0), 1]
    np.testing.assert_allclose(piece.affine[:, 3], original.affine @ shift, rtol=1e-6)


def test_one_picture_of_a_series(folder, tmp_path):
    decompress(folder / "npy.vsl", tmp_path / "piece.npy", slice_number=3, frame=2)
    np.testing.assert_array_equal(np.load(tmp_path / "piece.npy").squeeze(), SERIES[:, :, 3, 2])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"slice_number": 4}, "no slice 4"),
        ({"frame": -1}, "no frame -1"),
        ({"tier": "best"}, "no tier 'best'"),
        ({"frame": 0, "salvage": True}, "--salvage gives back whole scans"),
    ],
)
def test_what_is_not_there_is_refused(folder, tmp_path, options, expected):
    with pytest.raises(UsageError, match=expected):
        decompress(folder / "in.vsl", tmp_path / "out.nii", **options)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_output_is_refused(folder, tmp_path):
    (tmp_path / "out.nii").write_bytes(b"mine")
    for options in ({}, {"frame": 0}):
        with pytest.raises(OutputError, match="exists already"):
            decompress(folder / "in.vsl", tmp_path / "out.nii", **options)
        assert (tmp_path / "out.nii").read_bytes() == b"mine"


def test_salvage_lists_what_is_lost(folder, tmp_path):
    data = bytearray((folder / "in.vsl").read_bytes())
    with VslReader(folder / "in.vsl") as reader:
        data[reader.chunks(0)[1].offset + 3] ^= 255
    (tmp_path / "bad.vsl").write_bytes(data)
    with pytest.raises(CorruptFileError, match="--salvage"):
        decompress(tmp_path / "bad.vsl", tmp_path / "out.nii")
    result = decompress(tmp_path / "bad.vsl", tmp_path / "out.nii", salvage=True)
    assert (list(result.lost.slices), list(result.lost.chunks)) == ([1], [1])
    assert result.checksum is None
    back, original = nib.load(tmp_path / "out.nii").get_fdata(), nib.load(folder / "in.nii").get_fdata()
    np.testing.assert_array_equal(back[:, :, [0, 2, 3]], original[:, :, [0, 2, 3]])


def test_verify_with_and_without_the_original(folder):
    result = verify(folder / "in.vsl")
    assert (result.whole, [tier.checksum for tier in result.tiers]) == (True, [True, True])
    result = verify(folder / "in.vsl", folder / "in.nii", threads=2)
    assert [tier.equal for tier in result.tiers] == [True, False]
    with pytest.raises(UsageError, match="name the original"):
        verify(folder / "in.vsl", _other(folder))


def _other(folder):
    np.save(folder / "other.npy", np.zeros((3, 3, 3)))
    return folder / "other.npy"


def test_the_input_is_never_the_output(folder, tmp_path):
    path = tmp_path / "a.vsl"
    path.write_bytes((folder / "in.vsl").read_bytes())
    with pytest.raises(UsageError, match="is the file to be read"):
        decompress(path, path, force=True)
