import numpy as np
import pytest

from transforms.every import image
from vesalius.errors import UsageError
from vesalius.seeding import generator
from vesalius.transforms.intensity import Contrast, GreyJitter, ScaleShift


def test_each_channel_is_scaled_and_shifted():
    x = image("CIJK")
    one = ScaleShift(channels=2, factor=(0.5, 2), offset=(-1, 1))
    (a, b), (c, d) = params = one.draw(generator(1))
    np.testing.assert_allclose(one.apply(x, params), np.stack([x[0] * a + c, x[1] * b + d]), rtol=1e-5)
    assert a != b
    with pytest.raises(UsageError, match="3 channels was given, 2 are expected"):
        one.apply(image("CJI"), params)


def test_contrast_keeps_the_mean():
    x = image("CTIJK") * 1000
    done = Contrast().apply(x, 1.2)
    assert done.mean() == pytest.approx(x.mean(), rel=1e-4)
    assert done.std() == pytest.approx(1.2 * x.std(), rel=1e-4)
    drawn = [Contrast().draw(generator("contrast", n)) for n in range(200)]
    assert 0.8 <= min(drawn) < 0.82
    assert 1.18 < max(drawn) <= 1.2


def test_jitter_in_its_order():
    x = image("CIJK")
    for order in ((("brightness", 1.5), ("contrast", 0.5)), (("contrast", 0.5), ("brightness", 1.5))):
        expected = x.astype("f8")
        for name, factor in order:
            for channel in range(2):
                mean = expected[channel].mean()
                values = expected[channel]
                expected[channel] = values * factor if name == "brightness" else (values - mean) * factor + mean
            expected = np.clip(expected, 0, 1)
        np.testing.assert_allclose(GreyJitter().apply(x, order), expected, atol=1e-6)


def test_jitter_has_its_strength():
    drawn = [dict(GreyJitter(strength=0.5).draw(generator("jitter", n))) for n in range(300)]
    for name in ("brightness", "contrast"):
        factors = [one[name] for one in drawn]
        assert (min(factors), max(factors)) == pytest.approx((0.6, 1.4), abs=0.02)
    firsts = [GreyJitter().draw(generator("order", n))[0][0] for n in range(300)]
    assert firsts.count("contrast") == pytest.approx(150, abs=35)


def test_one_draw_for_all_channels():
    alike = ScaleShift(channels=None, factor=(0.5, 2), offset=(-1, 1))
    x = np.random.default_rng(0).random((3, 4, 4))
    (factor,), (offset,) = params = alike.draw(np.random.default_rng(1))
    np.testing.assert_allclose(alike.apply(x, params), x * factor + offset)
