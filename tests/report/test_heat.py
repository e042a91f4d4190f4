import io

import numpy as np
import pytest
from PIL import Image

from vesalius.report.heat import heat_map

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
