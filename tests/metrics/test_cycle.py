import numpy as np
import pytest

from vesalius.metrics.cycle import EXTREMES, SMOOTHED, STATED, cycle_ends, smoothed
from vesalius.phantom.cine.patient import emptying, end_systole


def volumes(frames=25, fraction=0.5, begun=0):
    return 100 * np.roll(1 - fraction * emptying(frames, end_systole(frames, 0.36)), begun)


def test_two_harmonics_are_kept_and_higher_ones_are_not():
    angle = 2 * np.pi * np.arange(12) / 12
    kept = 80 + 20 * np.cos(angle) + 5 * np.sin(2 * angle)
    assert smoothed(kept) == pytest.approx(kept)
    assert smoothed(kept + 7 * np.cos(3 * angle) - 3 * np.sin(5 * angle)) == pytest.approx(kept)


def test_it_is_the_truncated_fourier_series_wherever_the_beat_begins():
    noisy = volumes(20) + np.random.default_rng(0).normal(0, 5, 20)
    spectrum = np.fft.rfft(noisy)
    spectrum[3:] = 0
    assert smoothed(noisy) == pytest.approx(np.fft.irfft(spectrum, 20))
    assert smoothed(np.roll(noisy, 7)) == pytest.approx(np.roll(smoothed(noisy), 7))


def test_frames_without_the_cavity_are_left_out():
    angle = 2 * np.pi * np.arange(16) / 16
    whole = 80 + 20 * np.cos(angle)
    holed = whole.copy()
    holed[[3, 8, 9]] = 0
    assert smoothed(holed) == pytest.approx(whole)
    ed, es, edv, esv, source = cycle_ends(holed)
    assert (ed, es, source) == (0, 7, SMOOTHED)  # frame 8 was missed, 7 is the lowest of those that were found
    assert (edv, esv) == pytest.approx((100, whole[7]))
    holed[10:13] = 0
    assert smoothed(holed) is None  # 6 of 16 are missing


def test_few_frames_and_stated_frames():
    assert smoothed(volumes(7)) is None
    assert smoothed(volumes(8)) is not None
    assert cycle_ends([50, 60, 20, 0, 30]) == (1, 2, 60, 20, EXTREMES)
    noisy = volumes() + np.random.default_rng(1).normal(0, 8, 25)
    assert cycle_ends(noisy, (24, 9)) == (24, 9, noisy[24], noisy[9], STATED)
    with pytest.raises(ValueError, match="no frame"):
        cycle_ends(np.zeros(9))


@pytest.mark.parametrize("frames", [12, 20, 35])
def test_the_ejection_fraction_is_no_longer_biased(frames):
    """Noise of 7 % of EDV: the extremes are 4 to 12 points too high, the curve stays within 2."""
    draw, extremes, curve = np.random.default_rng(frames), [], []
    for _ in range(300):
        noisy = volumes(frames, begun=int(draw.integers(frames))) + draw.normal(0, 7, frames)
        extremes.append(100 * (1 - noisy.min() / noisy.max()) - 50)
        _, _, edv, esv, source = cycle_ends(noisy)
        assert source == SMOOTHED
        curve.append(100 * (1 - esv / edv) - 50)
    assert np.mean(extremes) > 3.5
    assert abs(np.mean(curve)) < 2
    assert np.mean(np.abs(curve)) < np.mean(np.abs(extremes)) * 0.75
