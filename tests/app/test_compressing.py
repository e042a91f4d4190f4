from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from vesalius.app.compressing import compress_one, config_of, panels, size_words
from vesalius.codec.decode import decode_scan
from vesalius.errors import InputError, UsageError, VesaliusError


def silent(share, text):
    assert 0 <= share <= 1


def test_lossless_has_no_error_and_the_file_holds_the_scan(make_nifti, tmp_path):
    source = make_nifti((12, 10, 4))
    done = compress_one([str(source)], "lossless", None, None, str(tmp_path / "job"), silent)
    assert done.largest == 0
    original, restored, error = panels(done, 0, 2)
    assert np.array_equal(original, restored)
    assert error.max() == 0
    assert dict(done.rows)["PSNR"] == "every value is kept"
    assert np.array_equal(decode_scan(Path(done.file)).stored()[0, 0], nib.load(source).get_fdata())


def test_a_lossy_target_is_reached_and_the_error_is_that_of_the_values(make_nifti, tmp_path):
    source = make_nifti((24, 20, 3))
    done = compress_one([str(source)], "psnr", 40.0, None, str(tmp_path / "job"), silent)
    back = decode_scan(Path(done.file)).values()[0, 0]
    assert done.largest == pytest.approx(np.abs(back - nib.load(source).get_fdata()).max(), abs=1e-3)
    assert float(dict(done.rows)["PSNR"].split()[0]) >= 40
    assert 200 < max(panels(done, 0, k)[2].max() for k in range(3)) <= 255  # the white of the error is its largest


def test_wrong_targets_are_lines(tmp_path):
    with pytest.raises(UsageError, match="no number"):
        config_of("psnr", None, 4)
    with pytest.raises(UsageError):
        config_of("other", 1, 1)
    with pytest.raises(VesaliusError):
        config_of("ratio", None, float("nan"))
    assert config_of("ratio", None, 7).ratio == 7


def test_a_damaged_scan_is_a_line(tmp_path):
    (tmp_path / "bad.nii").write_bytes(b"no scan")
    with pytest.raises(InputError):
        compress_one([str(tmp_path / "bad.nii")], "lossless", None, None, str(tmp_path / "job"), silent)


def test_sizes_for_people():
    assert size_words(2_000_000_000).startswith("2.00 GB")
    assert size_words(12) == "12 bytes"
