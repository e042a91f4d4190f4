import io

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from vesalius.report.chart import Goal, Line, bars, rate_distortion
from vesalius.report.style import look

RATIOS = [5.0, 20.0, 100.0, 800.0]
LINES = [Line("svtav1", RATIOS, [48, 42, 35, 28]), Line("x265", RATIOS, [47, 40, 33, 25])]


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def area(png, place):
    colour = np.round(np.array(to_rgb(look(place).colour)) * 255)
    return int((np.abs(pixels(png) - colour).sum(axis=2) < 30).sum())


def test_each_coder_is_drawn_in_its_own_colour():
    png = rate_distortion({"Whole field": LINES}, "PSNR (dB)")
    assert area(png, 0) > 500
    assert area(png, 1) > 500
    assert area(png, 2) == 0


def test_a_coder_keeps_its_look_in_every_panel():
    both = rate_distortion({"Whole": LINES, "Heart": LINES[1:]}, "PSNR (dB)")
    assert area(both, 1) > area(both, 0)
    assert area(both, 2) == 0


def test_goal_faint_and_empty_lines():
    faint = Line("svtav1", RATIOS, [49, 43, 36, 29], faint=True)
    png = rate_distortion({"Whole": [faint, *LINES, Line("jpegxl", [], [])]}, "PSNR (dB)", Goal("claimed", 1000, 35))
    assert png != rate_distortion({"Whole": LINES}, "PSNR (dB)")
    assert rate_distortion({"One point": [Line("x", [10.0], [30.0])]}, "PSNR (dB)").startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="curve"):
        rate_distortion({"Whole": [Line("x", [], [])]}, "PSNR (dB)")


def test_bars_are_as_long_as_their_values():
    def run(png):
        return (np.abs(pixels(png) - np.round(np.array(to_rgb(look(0).colour)) * 255)).sum(axis=2) < 30).sum(axis=1)

    lengths = run(bars({"set": {"a": 4.0, "b": 2.0}}, "ratio"))
    drawn = sorted(set(lengths[lengths > 30].tolist()))
    assert drawn[-1] == pytest.approx(2 * drawn[0], rel=0.02)


def test_bars_of_groups_with_holes():
    assert area(bars({"one": {"a": 1.0}, "two": {"b": 2.0}}, "ratio"), 1) > 100
    with pytest.raises(ValueError, match="bar"):
        bars({"one": {}}, "ratio")
