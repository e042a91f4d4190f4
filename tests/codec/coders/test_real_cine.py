"""The coders on real cine: lossless exact, lossy within the rates that we state."""

import nibabel as nib
import numpy as np
import pytest

from real_data import real
from vesalius.codec.coders.table import CODERS, coder

pytestmark = pytest.mark.data
FOLDERS = ("cine-acdc-sample", "cine-sunnybrook")


def middle_slice(folder):
    """(N, J, I) of the middle slice of the first patient, float64, and the scan's p0.1 and p99.9."""
    path = sorted(real(folder).rglob("*_4d.nii*"))[0]
    scan = np.asarray(nib.load(path).dataobj, dtype=np.float64)
    low, high = np.percentile(scan, [0.1, 99.9])
    return scan[:, :, scan.shape[2] // 2].transpose(2, 1, 0), low, high


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("name", [name for name in CODERS if coder(name).lossless_bits])
def test_lossless(name, folder):
    real_NJI, *_ = middle_slice(folder)
    x_NJI = np.rint(real_NJI - real_NJI.min()).astype(np.uint16)[:8]
    bits = int(x_NJI.max()).bit_length()
    data = coder(name).encode(x_NJI, bits, None, 1)
    assert np.array_equal(coder(name).decode(data, x_NJI.shape, bits, 1), x_NJI)
    assert len(data) < x_NJI.nbytes / 1.9


@pytest.mark.parametrize(("name", "quality", "least_db", "least_ratio"), [("svtav1", 40, 33, 45), ("x265", 27, 33, 35)])
def test_over_time_hearts_reach_the_stated_rates(name, quality, least_db, least_ratio):
    real_NJI, low, high = middle_slice("cine-acdc-sample")
    made = coder(name)
    step = (high - low) / (2**made.lossy_bits - 1)
    x_NJI = np.clip(np.rint((real_NJI - low) / step), 0, 2**made.lossy_bits - 1).astype(np.uint16)
    data = made.encode(x_NJI, made.lossy_bits, quality, 1)
    decoded = made.decode(data, x_NJI.shape, made.lossy_bits, 1) * step + low
    error = np.mean((decoded - np.clip(real_NJI, low, high)) ** 2)
    psnr, ratio = 10 * np.log10((high - low) ** 2 / error), 2 * x_NJI.size / len(data)
    assert psnr > least_db, (psnr, ratio)
    assert ratio > least_ratio, (psnr, ratio)
