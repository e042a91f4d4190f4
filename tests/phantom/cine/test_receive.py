import numpy as np
import pytest

from phantom.cine.hearts import fitted
from vesalius.phantom.cine.receive import add_noise, banding, coil_shading

GRID = fitted("patient001")[1]


def heart_values(field_KIJ):
    at = [int(np.argmin(np.abs(GRID.places_mm() - place))) for place in GRID.axis_K2.mean(axis=0)]
    return field_KIJ[:, at[0], at[1]]


def test_coils_are_even_where_none_are_asked_and_one_at_the_heart():
    assert (coil_shading(GRID, 0.0, np.random.default_rng(0)) == 1).all()
    shading = coil_shading(GRID, 1.0, np.random.default_rng(0))
    assert heart_values(shading)[GRID.slices // 2] == pytest.approx(1)
    assert shading.max() > 2
    steps = np.abs(np.diff(np.log(shading), axis=1))
    assert steps.max() < 0.05 * GRID.spacing_mm  # smooth


def test_bands_are_dark_lines_and_absent_where_none_are_asked():
    assert banding(GRID, 0.0, np.random.default_rng(0)) == pytest.approx(1, abs=1e-6)
    bands = banding(GRID, 2.0, np.random.default_rng(0))
    assert bands.min() < 0.2
    assert bands.max() <= 1.0001
    assert np.median(bands) > 0.8


def test_no_noise_changes_nothing():
    signal = np.linspace(0, 9, 60, dtype=np.float32).reshape(3, 4, 5)
    assert add_noise(signal, 0.0, np.random.default_rng(0)) == pytest.approx(signal)


@pytest.mark.parametrize("sigma", [0.5, 6.0])
def test_noise_is_rician(sigma):
    """Rayleigh without signal: mean sigma sqrt(pi / 2), second moment 2 sigma^2. With signal A: A^2 + 2 sigma^2."""
    draw = np.random.default_rng(1)
    empty = add_noise(np.zeros((4, 200, 200), np.float32), sigma, draw)
    assert empty.mean() == pytest.approx(sigma * np.sqrt(np.pi / 2), rel=0.01)
    assert (empty.astype(float) ** 2).mean() == pytest.approx(2 * sigma**2, rel=0.02)
    full = add_noise(np.full((4, 200, 200), 3 * sigma, np.float32), sigma, draw)
    assert (full.astype(float) ** 2).mean() == pytest.approx(11 * sigma**2, rel=0.02)
