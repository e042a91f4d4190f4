import colorsys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from transforms.every import image
from vesalius.errors import UsageError
from vesalius.seeding import generator
from vesalius.transforms.intensity import (
    Blur,
    ColourJitter,
    Contrast,
    GreyJitter,
    Greyscale,
    ModalityDropout,
    PictureChannels,
    ScaleShift,
)


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


def test_one_modality_always_stays():
    one = ModalityDropout(channels=4, p=1.0)
    drawn = [one.draw(generator("drop", n)) for n in range(100)]
    assert all(len(missing) == 3 for missing in drawn)
    assert len(set(drawn)) == 4


def test_as_often_as_asked():
    one = ModalityDropout(channels=4, p=0.2)
    counts = [len(one.draw(generator("often", n))) for n in range(2000)]
    assert np.mean(counts) == pytest.approx(3 * 0.2, abs=0.05)


def test_missing_channels_are_filled():
    x = np.random.default_rng(0).random((4, 2, 3, 3)).astype("f4")
    done = ModalityDropout(channels=4, fill=-1).apply(x, (0, 2))
    assert (done[[0, 2]] == -1).all()
    np.testing.assert_array_equal(done[[1, 3]], x[[1, 3]])
    with pytest.raises(UsageError, match="3 channels was given, 4 are expected"):
        ModalityDropout(channels=4).apply(x[:3], ())


def test_pictures_get_the_channels_that_a_net_takes():
    draw = np.random.default_rng(0)
    colours, grey = draw.random((3, 4, 5)), draw.random((1, 4, 5))
    alpha = np.ones((1, 4, 5))
    one, three = PictureChannels(count=1), PictureChannels(count=3)
    np.testing.assert_allclose(one.apply(colours), Greyscale().apply(colours)[:1])
    np.testing.assert_array_equal(three.apply(grey), np.repeat(grey, 3, 0))
    for transform in (one, three):
        np.testing.assert_array_equal(transform.apply(np.concatenate([grey, alpha])), transform.apply(grey))
        np.testing.assert_array_equal(transform.apply(np.concatenate([colours, alpha])), transform.apply(colours))
        assert transform.channel_count(4) == len(transform.apply(colours))
    equal = np.repeat(grey, 3, 0)  # an X-ray that was saved in colours
    np.testing.assert_allclose(one.apply(equal), grey, rtol=1e-6)
    with pytest.raises(UsageError, match="an image of 5 channels was given, neither grey nor RGB"):
        one.apply(np.zeros((5, 2, 2)))
