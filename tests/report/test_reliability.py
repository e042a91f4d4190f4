import io

import numpy as np
import pytest
from PIL import Image

from vesalius.report import reliability
from vesalius.report.reliability import reliability_plot
from vesalius.report.style import new_figure


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


@pytest.mark.parametrize("classes", [1, 6])
def test_titles_and_legend_are_whole(monkeypatch, classes):
    made = []
    monkeypatch.setattr(reliability, "new_figure", lambda *size: made.append(new_figure(*size)) or made[-1])
    lines = {f"intraparenchymal {number}": [(0.2, 0.1 * number), (0.8, 0.9)] for number in range(classes)}
    reliability_plot({"As trained": lines, "With temperature": lines})
    (figure,) = made
    renderer = figure.canvas.get_renderer()
    legend = figure.legends[0].get_window_extent(renderer)
    for axes in figure.axes:
        box = axes.get_tightbbox(renderer)
        assert box.y1 <= figure.bbox.y1, "the title is cut"
        assert box.y0 >= legend.y1, "the legend covers the name of the axis"
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1
