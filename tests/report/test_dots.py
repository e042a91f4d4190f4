import io

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from vesalius.report.dots import dots
from vesalius.report.style import look


def area(png, place):
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(float)
    colour = np.array(to_rgb(look(place).colour)) * 255
    seen = 0.65 * colour + 0.35 * 255  # dots are see-through
    return int((np.abs(pixels - seen).sum(axis=2) < 30).sum())


def test_each_value_is_a_dot_of_its_group():
    few, many = (
        dots({"LV": [0.2], "RV": [0.8]}, "Dice", (0, 1)),
        dots({"LV": [0.2, 0.5, 0.9], "RV": []}, "Dice", (0, 1)),
    )
    assert area(few, 0) == pytest.approx(area(few, 1), rel=0.3)
    assert area(many, 0) == pytest.approx(3 * area(few, 0), rel=0.3)
    assert area(many, 1) == 0


def test_equal_values_stay_apart():
    assert area(dots({"LV": [0.5] * 4 + [0.9]}, "Dice", (0, 1)), 0) > 4 * area(dots({"LV": [0.5]}, "Dice", (0, 1)), 0)


def test_same_values_give_same_bytes_with_limits_of_their_own():
    assert dots({"a": [1.0, 30.0]}, "mm") == dots({"a": [1.0, 30.0]}, "mm")
    with pytest.raises(ValueError, match="group"):
        dots({}, "mm")
