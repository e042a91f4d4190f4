import numpy as np
import pytest
from scipy.fft import dct

from vesalius.nets.waves import slice_waves, time_count, time_waves


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 7, 30])
def test_waves_over_time_are_those_of_numpy(frames):
    x = np.random.default_rng(0).normal(size=frames)
    analysis, synthesis = (one.double().numpy() for one in time_waves(frames, 3))
    spectrum = np.fft.rfft(x) / frames
    wanted = [spectrum[0].real]
    for number in range(1, min(3, frames // 2) + 1):
        whole = 1 if 2 * number == frames else 2
        wanted += [whole * spectrum[number].real, -whole * spectrum[number].imag][: 1 if whole == 1 else 2]
    assert len(wanted) == time_count(frames, 3) == len(analysis)
    assert np.allclose(analysis @ x, wanted, atol=1e-6)
    kept = np.fft.rfft(x)
    kept[4:] = 0
    assert np.allclose(synthesis @ (analysis @ x), np.fft.irfft(kept, frames), atol=1e-6)


@pytest.mark.parametrize("slices", [1, 2, 9])
def test_waves_over_slices_are_those_of_scipy(slices):
    x = np.random.default_rng(0).normal(size=slices)
    analysis, synthesis = (one.double().numpy() for one in slice_waves(slices, 2))
    wanted = dct(x, type=2)[:2] / (2 * slices) * np.array([1, 2])[: min(2, slices)]
    assert np.allclose(analysis @ x, wanted, atol=1e-6)
    analysis, synthesis = (one.double().numpy() for one in slice_waves(slices, 99))
    assert np.allclose(synthesis @ analysis, np.eye(slices), atol=1e-5)
