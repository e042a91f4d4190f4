import hashlib

import numpy as np
import pytest

from codec.scans import noise, scan_of, smooth
from codec.test_decode import rewritten
from vesalius.codec.compress import compress_scan
from vesalius.codec.options import CompressConfig
from vesalius.codec.verify import verify
from vesalius.errors import CorruptFileError, UsageError

STORED = smooth((1, 3, 16, 15, 2), np.float32) / np.float32(3)


@pytest.fixture
def file(tmp_path):
    compress_scan(
        scan_of(STORED), tmp_path / "a.vsl", CompressConfig(lossless=True, max_error=4, coder="jpegxl", threads=1)
    )
    return tmp_path / "a.vsl"


def test_every_tier_is_checked(file):
    checks = verify(file)
    assert [(check.name, check.checksum) for check in checks] == [("lossless", True), ("lossy", True)]
    assert all((check.equal, check.psnr_db, check.max_error) == (None, None, None) for check in checks)


def test_tiers_are_compared_with_the_original(file):
    lossless, lossy = verify(file, scan_of(STORED), threads=2)
    assert (lossless.equal, lossless.max_error, lossless.psnr_db) == (True, 0.0, None)
    assert not lossy.equal
    assert 0 < lossy.max_error <= 4
    assert lossy.psnr_db > 30


@pytest.mark.parametrize("dtype", [">f2", "<f8", "<c8", "?", "g", "<u8"])
def test_values_that_are_no_plain_numbers_compare_bit_for_bit(tmp_path, dtype):
    stored = noise(dtype, (1, 2, 4, 3, 2))
    compress_scan(scan_of(stored), tmp_path / "a.vsl", CompressConfig(coder="deflate", threads=1))
    (check,) = verify(tmp_path / "a.vsl", scan_of(stored))
    assert check.equal
    other = noise(dtype, (1, 2, 4, 3, 2), seed=1)
    with pytest.raises(CorruptFileError, match="differs from this original"):
        verify(tmp_path / "a.vsl", scan_of(other))


def test_one_bit_of_the_original_is_noticed(file):
    other = STORED.copy()
    other.view(np.uint32)[0, 2, 7, 7, 1] ^= 1
    with pytest.raises(CorruptFileError, match="lossless tier differs"):
        verify(file, scan_of(other))


def test_a_lossy_tier_that_is_worse_than_recorded_is_noticed(tmp_path):
    compress_scan(scan_of(STORED), tmp_path / "a.vsl", CompressConfig(max_error=4, coder="jpegxl", threads=1))
    other = STORED.copy()
    other[0, 0, 5, 5, 0] += 9
    with pytest.raises(CorruptFileError, match=r"differs from this original by .*recorded"):
        verify(tmp_path / "a.vsl", scan_of(other))


def test_an_inexact_coder_has_a_tolerance(tmp_path):
    compress_scan(scan_of(STORED), tmp_path / "a.vsl", CompressConfig(psnr=40, coder="jpegxl", threads=1))
    (check,) = verify(tmp_path / "a.vsl", scan_of(STORED))
    assert check.checksum is None
    assert check.psnr_db >= 40


@pytest.mark.parametrize("other", [STORED[:, :2], STORED.astype(">f4"), STORED.astype("f8")])
def test_another_kind_of_original_is_a_mistake_of_the_user(file, other):
    with pytest.raises(UsageError, match="name the original"):
        verify(file, scan_of(other))


def test_every_byte_counts(file):
    data = file.read_bytes()
    for place in np.random.default_rng(0).integers(0, len(data) - 8, 60).tolist():
        file.write_bytes(data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :])
        with pytest.raises(CorruptFileError):
            verify(file)
    file.write_bytes(data)
    verify(file)


def test_the_checksum_of_the_values_is_compared_in_every_tier(file):
    for number in (0, 1):

        def tail(raw, number=number):
            wrong = {"sha256": hashlib.sha256(b"x").hexdigest()}
            return {"tiers": [{**one, **(wrong if n == number else {})} for n, one in enumerate(raw["tiers"])]}

        path = rewritten(file, file.with_name(f"{number}.vsl"), lambda header: header, tail)
        with pytest.raises(CorruptFileError, match="not those that were coded"):
            verify(path)


def test_tiers_of_one_name_are_each_checked(tmp_path):
    """A bound below one stored step is kept by a second lossless tier."""
    stored = smooth((1, 2, 16, 15, 2), np.uint16)
    path = tmp_path / "a.vsl"
    compress_scan(scan_of(stored), path, CompressConfig(lossless=True, max_error=0.5, coder="deflate", threads=1))
    assert [check.equal for check in verify(path, scan_of(stored))] == [True, True]

    def tail(raw):
        return {"tiers": [raw["tiers"][0], {**raw["tiers"][1], "sha256": "0"}]}

    with pytest.raises(CorruptFileError, match="not those that were coded"):
        verify(rewritten(path, tmp_path / "b.vsl", lambda header: header, tail))
