import io

import numpy as np
import pytest
from PIL import Image

from vesalius.report.reliability import reliability_plot


def test_a_picture_that_depends_on_its_points():
    panels = {"As trained": {"any": [(0.1, 0.0), (0.9, 1.0)]}, "Scaled": {"any": [(0.2, 0.1), (0.8, 0.9)]}}
    png = reliability_plot(panels)
    assert np.asarray(Image.open(io.BytesIO(png))).std() > 5
    assert reliability_plot(panels) == png
    assert reliability_plot({**panels, "Scaled": {"any": [(0.2, 0.9)]}}) != png
    assert reliability_plot({"Nothing known": {"any": []}}).startswith(b"\x89PNG")


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="no panel"):
        reliability_plot({})
