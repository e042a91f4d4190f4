import numpy as np
import pytest
from scipy import ndimage

from transforms.every import image
from vesalius.seeding import generator
from vesalius.transforms.blur import Blur


@pytest.mark.parametrize("sigma", [0.8, 1.5])
def test_as_scipy(sigma):
    x_CIJK = image("CIJK", "f8")
    flat = ndimage.gaussian_filter(x_CIJK, (0, sigma, sigma, 0), mode="nearest")
    np.testing.assert_allclose(Blur().apply(x_CIJK, sigma), flat, atol=2e-4)
    deep = ndimage.gaussian_filter(x_CIJK, (0, sigma, sigma, sigma), mode="nearest")
    np.testing.assert_allclose(Blur(axes="IJK").apply(x_CIJK, sigma), deep, atol=3e-4)
    x_CJI = image("CJI", "f8")
    flat = ndimage.gaussian_filter(x_CJI, (0, sigma, sigma), mode="nearest")
    np.testing.assert_allclose(Blur().apply(x_CJI, sigma), flat, atol=2e-4)


def test_draws():
    drawn = [Blur().draw(generator("blur", n)) for n in range(200)]
    assert 0.1 <= min(drawn) < 0.15
    assert 1.95 < max(drawn) <= 2
