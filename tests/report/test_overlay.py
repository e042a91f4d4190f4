import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from vesalius.report import overlay
from vesalius.report.overlay import Outlined, outlines
from vesalius.report.style import to_png


def picture(found=True):
    truth = np.zeros((30, 40), int)
    truth[10:20, 10:20] = 1
    return Outlined("one", np.random.default_rng(0).random((30, 40)), truth, truth if found else truth * 0)


def test_outlines_are_drawn_in_colour():
    drawn = np.asarray(Image.open(io.BytesIO(outlines([picture(), picture()], ("organ",)))).convert("RGB")).astype(int)
    blue = (drawn[..., 2] - drawn[..., 0] > 80).sum()
    assert blue > 200
    bare = Outlined("", picture().picture_JI, picture().truth_JI * 0, picture().truth_JI * 0)
    empty = np.asarray(Image.open(io.BytesIO(outlines([bare, bare], ("organ",)))).convert("RGB")).astype(int)
    assert (empty[..., 2] - empty[..., 0] > 80).sum() < blue / 2


def test_a_constant_picture_and_no_picture():
    one = Outlined("", np.zeros((5, 5)), np.zeros((5, 5), int), np.ones((5, 5), int), (2.0, 1.0))
    assert outlines([one], ("a",)).startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="no picture"):
        outlines([], ("a",))


def texts(monkeypatch, pictures, names):
    """Width of the picture and of its legend in pixels, and what the legend says."""
    figures = []
    monkeypatch.setattr(overlay, "to_png", figures.append)
    outlines(pictures, names)
    (figure,) = figures
    to_png(figure)  # lays it out
    (legend,) = figure.legends
    box = legend.get_window_extent(figure.canvas.get_renderer())
    assert 0 <= box.x0 < box.x1 <= figure.bbox.width
    assert 0 <= box.y0 < box.y1 <= figure.axes[0].get_window_extent().y0
    return [text.get_text() for text in legend.get_texts()]


def test_the_legend_names_what_is_drawn_and_fits(monkeypatch):
    """A prediction has no reference; a class that is not in the picture is not in the legend."""
    alone = replace(picture(), truth_JI=None)
    names = ("right ventricle", "absent", "myocardium of the left ventricle", "lv")
    assert texts(monkeypatch, [alone], names) == ["right ventricle"]
    found = alone.found_JI.copy()
    found[1:5, 1:5], found[1:5, 8:12] = 3, 4
    whole = replace(alone, found_JI=found)
    assert texts(monkeypatch, [whole], names) == [names[0], names[2], names[3]]
    long = "a class whose name is far longer than any picture of a slice is wide"
    assert texts(monkeypatch, [alone], (long,)) == [long]
    assert texts(monkeypatch, [picture()], names) == [names[0], "reference", "model"]
