import io

import numpy as np
import pytest
from PIL import Image

from vesalius.report.figure import Shown, panel


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def boxes(png):
    """Column and row spans of the drawn pictures: what their frames enclose."""
    grey = pixels(png).sum(axis=2)
    dark = grey < 3 * 250
    columns = np.flatnonzero(np.diff(np.r_[0, (dark.mean(axis=0) > 0.3).astype(int), 0]))
    return columns.reshape(-1, 2)


def test_one_restored_picture_stands_in_one_row():
    original = np.zeros((20, 30))
    png = panel(original, [Shown("a\nb", original)], window=(0, 1), spacing_mm=(1.5, 1.0))
    height, width, _ = pixels(png).shape
    assert width > 2 * height


def test_pictures_have_the_proportions_of_the_spacing():
    original = np.zeros((10, 30))  # 10 rows of 3 mm, 30 columns of 1 mm: a square
    image = pixels(panel(original, [Shown("x", original)], window=(-1, 0.1), spacing_mm=(3.0, 1.0)))
    whole = (image.max(axis=2) - image.min(axis=2) < 12) & (image[..., 0] > 200) & (image[..., 0] < 245)
    rows, columns = np.flatnonzero(whole.mean(axis=1) > 0.2), np.flatnonzero(whole.mean(axis=0) > 0.2)
    first = columns[: np.argmax(np.diff(columns) > 5) + 1]
    assert len(rows) == pytest.approx(len(first), rel=0.03)


def test_error_is_red_above_blue_below_and_white_at_zero():
    original = np.full((8, 12), 50.0)
    restored = original.copy()
    restored[:, :4] += 6.0  # beyond the full colour of 100 / 25
    restored[:, 8:] -= 6.0
    image = pixels(panel(original, [Shown("x", restored)], window=(0, 100), gain=25))
    picture = image[: int(image.shape[0] * 0.8)]  # without the scale
    dark_red, dark_blue = (103, 0, 31), (5, 48, 97)
    reds, blues = ((np.abs(picture - colour).sum(axis=2) < 12) for colour in (dark_red, dark_blue))
    assert reds.sum() == pytest.approx(blues.sum(), rel=0.05)
    assert np.flatnonzero(reds.any(axis=0)).max() < np.flatnonzero(blues.any(axis=0)).min()


def test_several_restored_pictures_and_odd_values():
    original = np.linspace(0, 1, 7 * 5).reshape(7, 5)
    broken = original.copy()
    broken[2, 2] = np.nan
    png = panel(original, [Shown("a", original), Shown("b", broken), Shown("c", -broken)], window=(0, 1), unit="HU")
    assert pixels(png).shape[1] > pixels(panel(original, [Shown("a", original)], window=(0, 1))).shape[1]
    panel(np.zeros((1, 1)), [Shown("a", np.ones((1, 1)))], window=(0, 1))
    panel(np.zeros((3, 200)), [Shown("a", np.ones((3, 200)))], window=(0, 1))


def test_what_cannot_be_drawn():
    original = np.zeros((4, 4))
    with pytest.raises(ValueError, match="shape"):
        panel(original, [Shown("a", np.zeros((4, 5)))], window=(0, 1))
    with pytest.raises(ValueError, match="shape"):
        panel(original, [], window=(0, 1))
    with pytest.raises(ValueError, match="window"):
        panel(original, [Shown("a", original)], window=(1, 1))
