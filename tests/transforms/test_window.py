import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vesalius.scan.intensity import Intensity
from vesalius.scan.scan import Scan
from vesalius.transforms.window import default_range, percentile_range, to_grey, to_screen, window


@given(st.floats(-1000, 1000), st.floats(1, 2000), st.floats(-5000, 5000))
def test_a_window_is_a_clipped_line(center, width, value):
    expected = min(1, max(0, (value - (center - width / 2)) / width))
    assert window(np.array([value]), center, width)[0] == pytest.approx(expected, abs=2e-3)


def test_window_of_what_is_not_finite():
    shown = window(np.array([np.nan, np.inf, -np.inf, 40]), 40, 400)
    np.testing.assert_allclose(shown, [0, 1, 0, 0.5])
    assert shown.dtype == np.float32


def test_percentiles_leave_out_what_is_not_finite():
    values = np.concatenate([np.arange(1001.0), [np.nan, np.inf]])
    assert percentile_range(values, 1, 99) == (10, 990)
    assert percentile_range(np.full(5, 7), 1, 99) == (7, 8)
    assert percentile_range(np.full(5, np.nan), 1, 99) == (0, 1)
    assert percentile_range(np.array([0, 255], "u1"), 0, 100) == (0, 255)


def test_default_ranges():
    array = np.arange(4000, dtype="i2").reshape(10, 10, 40)
    ct = Scan.from_array(array, modality="CT", intensity=Intensity.linear(1, -1024, "HU"))
    assert default_range(ct) == (-160, 240)
    low, high = default_range(Scan.from_array(array))
    assert low == pytest.approx(np.percentile(array, 0.5), abs=40)
    assert high == pytest.approx(np.percentile(array, 99.5), abs=40)
    assert default_range(Scan.from_array(array > 5)) == (0, 1)
    colour = np.zeros((3, 1, 4, 4, 1), "u1")
    assert default_range(Scan.from_array(colour, colour="rgb")) == (0, 255)
    assert default_range(Scan.from_array(colour.astype("u2"), colour="ybr")) == (0, 65535)


def test_only_some_slices_are_read_for_the_range():
    class Counting:
        shape, dtype, direct = (1, 3, 4, 4, 500), np.dtype("f4"), True
        seen = 0

        def read(self, t=slice(None), k=slice(None)):
            count = len(range(500)[k])
            Counting.seen += count
            return np.broadcast_to(np.float32(k.start), (1, len(range(3)[t]), 4, 4, count))

    low, high = default_range(Scan(Counting()))
    assert Counting.seen == 32
    assert low < 20
    assert high > 480


def test_grey_and_inverted_and_palette():
    x_BCJI = np.array([0.0, 50, 100, 200]).reshape(1, 1, 2, 2)
    assert to_screen(x_BCJI, "grey", (0, 100)).ravel().tolist() == [0, 128, 255, 255]
    assert to_screen(x_BCJI, "inverted", (0, 100)).ravel().tolist() == [255, 128, 0, 0]
    assert to_screen(x_BCJI, "palette", (0, 255)).ravel().tolist() == [0, 50, 100, 200]
    assert to_screen(np.ones((2, 5, 3, 4)), "channels", (0, 1)).shape == (2, 1, 3, 4)


def test_rgb_is_unchanged_in_its_own_range():
    rgb = np.random.default_rng(0).integers(0, 256, (2, 3, 5, 6)).astype("u1")
    assert np.array_equal(to_screen(rgb.astype("f4"), "rgb", (0, 255)), rgb)


def test_ybr_as_pillow_turns_it():
    ybr = np.random.default_rng(0).integers(0, 256, (1, 3, 40, 50)).astype("u1")
    image = Image.merge("YCbCr", [Image.fromarray(plane) for plane in ybr[0]])
    expected = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    shown = to_screen(ybr.astype("f4"), "ybr", (0, 255))[0]
    assert np.abs(shown.astype(int) - expected).max() <= 1


def test_colours_become_their_luminance():
    x_BCJI = np.random.default_rng(0).integers(0, 255, (2, 3, 4, 5)).astype("f4")
    red, green, blue = x_BCJI.transpose(1, 0, 2, 3)
    np.testing.assert_allclose(to_grey(x_BCJI, "rgb"), 0.299 * red + 0.587 * green + 0.114 * blue, rtol=1e-5)
    np.testing.assert_array_equal(to_grey(x_BCJI, "channels"), red)
