"""A cycle as harmonics, against NumPy's FFT."""

import numpy as np
import pytest

from vesalius.nets.harmonics import harmonic_rows, harmonics_of


@pytest.mark.parametrize("frames", [1, 2, 3, 8, 13, 20, 35])
def test_rows_are_the_fourier_transform_in_real_numbers(frames):
    harmonics = harmonics_of(frames, 6)
    x_T = np.random.default_rng(frames).normal(size=frames)
    rows_HT = harmonic_rows(frames, harmonics).numpy()
    spectrum = np.fft.rfft(x_T)
    wanted = [spectrum[0].real / np.sqrt(frames)]
    for number in range(1, harmonics + 1):
        wanted += [spectrum[number].real * np.sqrt(2 / frames), -spectrum[number].imag * np.sqrt(2 / frames)]
    assert np.allclose(rows_HT @ x_T, wanted, atol=1e-5)
    assert np.allclose(rows_HT @ rows_HT.T, np.eye(1 + 2 * harmonics), atol=1e-6)
