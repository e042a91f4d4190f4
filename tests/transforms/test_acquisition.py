import numpy as np
import pytest
from scipy import ndimage

from vesalius.seeding import generator
from vesalius.transforms.acquisition import Coarse, Gamma, Noise, Shading


def test_shading_is_one_smooth_positive_field_for_all_slices_and_channels():
    x = np.random.default_rng(0).random((2, 40, 30, 3)).astype("f4") + 0.1
    shading = Shading(strength=0.7)
    done = shading.apply(x, (0.7, 5))
    field = done / x
    np.testing.assert_allclose(field, np.broadcast_to(field[:1, :, :, :1], x.shape), rtol=1e-4)
    log = np.log(field[0, :, :, 0])
    assert np.abs(log).max() <= 0.7
    assert log.std() > 0.05
    assert max(np.abs(np.diff(log, axis=axis)).max() for axis in (0, 1)) < 0.15
    turned = shading.apply(np.swapaxes(x[..., 0], 1, 2), (0.7, 5))
    np.testing.assert_allclose(np.swapaxes(turned, 1, 2), done[..., 0], rtol=1e-5)


def test_noise_of_a_magnitude_is_rician():
    dark, bright = np.zeros((1, 200, 200)), np.full((1, 200, 200), 5.0)
    noisy = Noise().apply(dark, (0.1, 7))
    assert noisy.mean() == pytest.approx(0.1 * np.sqrt(np.pi / 2), rel=0.02)  # Rayleigh
    lit = Noise().apply(bright, (0.1, 7))
    assert (lit.mean(), lit.std()) == (pytest.approx(5.001, abs=2e-3), pytest.approx(0.1, rel=0.02))
    plain = Noise(magnitude=False).apply(dark, (0.1, 7))
    assert (plain.mean(), plain.std()) == (pytest.approx(0, abs=2e-3), pytest.approx(0.1, rel=0.02))


def test_coarse_pixels_lose_detail_and_keep_the_mean():
    x = np.random.default_rng(0).random((1, 60, 60))
    done = Coarse().apply(x, 2.0)
    assert done.shape == x.shape
    assert done.mean() == pytest.approx(x.mean(), rel=5e-3)
    assert done.std() < 0.6 * x.std()
    smooth = ndimage.gaussian_filter(x, (0, 6, 6))
    np.testing.assert_allclose(Coarse().apply(smooth, 2.0), smooth, atol=0.02)
    np.testing.assert_allclose(Coarse().apply(x, 1.0), x, atol=1e-12)


def test_the_powers_of_gamma_are_even_on_a_log_scale():
    drawn = np.log([Gamma(power=(0.5, 2.0)).draw(generator("gamma", n)) for n in range(400)])
    assert (drawn.min(), drawn.max()) == (pytest.approx(-np.log(2), abs=0.03), pytest.approx(np.log(2), abs=0.03))
    assert drawn.mean() == pytest.approx(0, abs=0.06)
