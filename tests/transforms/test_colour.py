import colorsys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vesalius.errors import UsageError
from vesalius.seeding import generator
from vesalius.transforms.colour import ColourJitter, Greyscale

shades = st.floats(0, 1)


def jittered(rgb, name, amount):
    x = np.array(rgb, "f8").reshape(3, 1, 1)
    return ColourJitter().apply(x, ((name, amount),)).ravel()


@given(shades, shades, shades, st.floats(0, 2))
def test_saturation_is_that_of_hsv(red, green, blue, factor):
    hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
    expected = colorsys.hsv_to_rgb(hue, min(1, saturation * factor), value)
    np.testing.assert_allclose(jittered((red, green, blue), "saturation", factor), expected, atol=1e-6)


@given(shades, shades, shades, st.floats(-0.4, 0.4))
def test_hue_is_that_of_hsv(red, green, blue, turn):
    hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
    expected = colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value)
    np.testing.assert_allclose(jittered((red, green, blue), "hue", turn), expected, atol=1e-6)


def test_all_four_in_their_order():
    x = np.random.default_rng(0).random((3, 5, 6))
    done = ColourJitter().apply(x, (("brightness", 1.4), ("contrast", 0.5), ("saturation", 1.3), ("hue", -0.1)))
    bright = np.clip(x * 1.4, 0, 1)
    mean = bright.mean(axis=(1, 2), keepdims=True)
    flat = np.clip((bright - mean) * 0.5 + mean, 0, 1)
    for j, i in np.ndindex(5, 6):
        hue, saturation, value = colorsys.rgb_to_hsv(*flat[:, j, i])
        rgb = np.clip(colorsys.hsv_to_rgb(hue, min(1, saturation * 1.3), value), 0, 1)
        hue, saturation, value = colorsys.rgb_to_hsv(*rgb)
        np.testing.assert_allclose(done[:, j, i], colorsys.hsv_to_rgb((hue - 0.1) % 1, saturation, value), atol=1e-6)


def test_draws_have_their_strength():
    drawn = [dict(ColourJitter(strength=0.5).draw(generator("colour", n))) for n in range(400)]
    for name, least, largest in [("contrast", 0.6, 1.4), ("saturation", 0.6, 1.4), ("hue", -0.1, 0.1)]:
        amounts = [one[name] for one in drawn]
        assert (min(amounts), max(amounts)) == pytest.approx((least, largest), abs=0.03)
    orders = {tuple(name for name, _ in ColourJitter().draw(generator("order", n))) for n in range(300)}
    assert len(orders) == 24


def test_grey_is_the_luminance():
    x = np.random.default_rng(0).random((3, 4, 5)).astype("f4")
    done = Greyscale().apply(x)
    for channel in done:
        np.testing.assert_allclose(channel, 0.299 * x[0] + 0.587 * x[1] + 0.114 * x[2], rtol=1e-5)


def test_only_colours():
    with pytest.raises(UsageError, match=r"\(1, 2, 2\) is not an RGB picture"):
        Greyscale().apply(np.zeros((1, 2, 2)))
    with pytest.raises(UsageError, match="not an RGB picture"):
        ColourJitter().apply(np.zeros((3, 2, 2, 2)), ())
