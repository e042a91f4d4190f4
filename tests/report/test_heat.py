import io

import numpy as np
import pytest
from PIL import Image

from vesalius.report.heat import heat_map, heat_stack

PICTURE = np.full((32, 32), 128, np.uint8)


def test_the_hot_patch_is_where_it_belongs():
    def drawn(place):
        values = np.zeros((4, 4))
        values[place] = 1.0
        return np.asarray(Image.open(io.BytesIO(heat_map(PICTURE, values, "value"))).convert("RGB")).astype(int)

    rows = [np.abs(drawn(place) - drawn((2, 2))).sum((1, 2)).argmax() for place in ((0, 0), (3, 3))]
    assert rows[0] < rows[1]


def test_a_mark_and_a_tall_pixel_change_the_picture():
    plain = heat_map(PICTURE, np.eye(4), "value")
    assert plain.startswith(b"\x89PNG")
    assert heat_map(PICTURE, np.eye(4), "value", mark=(1, 2)) != plain
    assert heat_map(PICTURE, np.eye(4), "value", pixel_aspect=2.0) != plain


def test_what_cannot_be_drawn():
    with pytest.raises(ValueError, match="not finite"):
        heat_map(PICTURE, np.full((2, 2), np.nan), "value")


def picture(values, **more):
    return np.asarray(Image.open(io.BytesIO(heat_map(PICTURE, values, "value", **more))).convert("RGB")).astype(int)


def coloured(rgb_JIC):
    """Pixels of the right slice that are no grey; the scale lies further to the right."""
    inside = rgb_JIC[:, int(0.42 * rgb_JIC.shape[1]) : int(0.84 * rgb_JIC.shape[1])]
    return (inside.max(axis=2) - inside.min(axis=2) > 25).mean()


def test_nothing_below_the_floor_is_coloured():
    """Of 16 patches one reaches it: about a sixteenth of the picture has a colour, and no shade runs into the next."""
    values = np.linspace(-3.0, 0.4, 16).reshape(4, 4)
    values[1, 1], values[1, 2] = 0.9, 0.64
    whole, one = coloured(picture(values)), coloured(picture(values, floor=0.8))
    assert whole > 0.4
    assert 0.02 < one < 0.09
    assert coloured(picture(values, floor=0.5)) == pytest.approx(2 * one, rel=0.1)


def test_where_nothing_reaches_the_floor_there_is_neither_colour_nor_frame():
    none = picture(np.full((4, 4), 0.5), floor=0.8, mark=(1, 1))
    assert coloured(none) == 0
    np.testing.assert_array_equal(none, picture(np.full((4, 4), 0.1), floor=0.8, mark=(2, 2)))


def test_a_value_at_the_floor_is_seen():
    assert coloured(picture(np.full((2, 2), 0.8), floor=0.8)) > 0.5


def test_an_overlay_has_colour_where_a_patch_reaches_the_floor():
    maps = {1: np.array([[2.0, 0.5], [1.0, 0.0]])}
    stack = heat_stack(maps, {1: (-0.5, 15.5, -0.5, 7.5)}, (16, 16), (3, 8, 8), 1.0)
    assert stack.pictures.shape == (1, 3, 8, 8)
    assert not stack.pictures[0, [0, 2]].any()
    coloured = stack.palette_N4[stack.pictures[0, 1], 3] > 0
    assert np.argwhere(coloured).tolist() == [[row, column] for row in range(8) for column in range(2)]
    assert stack.pictures[0, 1, 0, 0] > stack.pictures[0, 1, 7, 0] > 0  # the highest has the last colour
