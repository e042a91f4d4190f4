import gzip

import pytest

from vesalius.errors import InputError
from vesalius.scan.nifti.file import create, head_of, is_gzip, skip, take


def test_the_content_decides_about_gzip_and_the_suffix_where_there_is_none(tmp_path):
    assert is_gzip(tmp_path / "A.NII.GZ")
    assert not is_gzip(tmp_path / "a.gz.nii")
    (tmp_path / "a.nii").write_bytes(gzip.compress(b"1"))
    (tmp_path / "b.nii.gz").write_bytes(b"1")
    assert is_gzip(tmp_path / "a.nii")
    assert not is_gzip(tmp_path / "b.nii.gz")


def test_head(tmp_path):
    (tmp_path / "plain").write_bytes(b"123456")
    (tmp_path / "packed.gz").write_bytes(gzip.compress(b"123456"))
    for name in ("plain", "packed.gz"):
        assert head_of(tmp_path / name, 4) == b"1234"
        assert head_of(tmp_path / name, 99) == b"123456"
    (tmp_path / "false.gz").write_bytes(b"123456")
    assert head_of(tmp_path / "false.gz", 4) == b"1234"
    (tmp_path / "damaged.gz").write_bytes(gzip.compress(b"123456")[:-12])
    with pytest.raises(InputError, match="cannot be read as NIfTI"):
        head_of(tmp_path / "damaged.gz", 99)
    with pytest.raises(InputError, match="no such file"):
        head_of(tmp_path / "absent", 4)


def test_take_and_skip_stop_at_the_end(tmp_path):
    (tmp_path / "plain").write_bytes(b"123456")
    with (tmp_path / "plain").open("rb") as file:
        skip(file, 2)
        assert take(file, 3) == b"345"
        assert take(file, 0) == b""
        with pytest.raises(EOFError):
            take(file, 2)
        with pytest.raises(EOFError):
            skip(file, 1)


def test_equal_values_give_equal_gzip_bytes(tmp_path):
    for name in ("a.nii.gz", "b.nii.gz", "c.nii"):
        with create(tmp_path / name) as file:
            file.write(b"content")
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.nii.gz").read_bytes()) == b"content"
    assert (tmp_path / "c.nii").read_bytes() == b"content"
