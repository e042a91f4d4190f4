import numpy as np
import pytest
from skimage.metrics import structural_similarity

from tasks.evaluate.codec.fake import cine, cine_scan
from vesalius.metrics.error import SquaredError, peak
from vesalius.scan.intensity import Intensity
from vesalius.scan.scan import Scan
from vesalius.tasks.evaluate.codec.measure import measure

BOX = (slice(6, 18), slice(5, 16), slice(1, 3))


def mean_ssim(reference, restored, data_range):
    pictures = [
        structural_similarity(reference[0, t, :, :, k].T, restored[0, t, :, :, k].T, win_size=7, data_range=data_range)
        for t in range(reference.shape[1])
        for k in range(reference.shape[4])
    ]
    return np.mean(pictures)


@pytest.mark.parametrize("threads", [1, 3])
def test_measures_of_both_regions(threads):
    scan = cine_scan()
    stored = scan.stored() + np.random.default_rng(9).integers(-20, 20, scan.shape).astype(np.int16)
    height = peak(scan.values())
    whole, heart = measure(scan, stored, height, BOX, threads)
    inside = (slice(None), slice(None), *BOX)
    for found, part in ((whole, ...), (heart, inside)):
        reference, restored = scan.stored()[part].astype(float), stored[part].astype(float)
        assert found.psnr_db == pytest.approx(SquaredError.of(reference, restored).psnr(height))
        assert found.ssim == pytest.approx(mean_ssim(reference, restored, height))
        assert found.max_error == np.abs(reference - restored).max()
        assert found.temporal_error == pytest.approx(
            SquaredError.of(np.diff(reference, axis=1), np.diff(restored, axis=1)).rmse
        )


def test_measures_are_in_real_values():
    scan = cine_scan(intensity=Intensity.linear(0.5, -100.0))
    whole, heart = measure(scan, scan.stored() + np.int16(4), 100.0, None, 1)
    assert heart is None
    assert whole.max_error == 2
    assert whole.psnr_db == pytest.approx(20 * np.log10(100 / 2))
    assert whole.temporal_error == 0


def test_no_temporal_error_where_t_is_not_time():
    scan = Scan.from_array(cine(), np.eye(4))
    whole, _ = measure(scan, scan.stored(), 100.0, None, 1)
    assert whole.temporal_error is None
    assert (whole.psnr_db, whole.ssim, whole.max_error) == (np.inf, pytest.approx(1), 0)


def test_pictures_too_small_for_ssim():
    scan = Scan.from_array(np.arange(12.0).reshape(1, 1, 2, 2, 3))
    whole, _ = measure(scan, scan.stored() + 1, 11.0, None, 1)
    assert np.isnan(whole.ssim)
    assert whole.max_error == 1
