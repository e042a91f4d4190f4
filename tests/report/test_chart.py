import io

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from vesalius.report import chart
from vesalius.report.chart import (
    Goal,
    Line,
    bars,
    curves,
    dots,
    profile,
    rate_distortion,
    reliability_plot,
    scatter,
    volume_curve,
)
from vesalius.report.style import look, new_figure

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


def test_curves_have_a_panel_for_each_key_that_has_points():
    points = [(step, 1 / (step + 1)) for step in range(100)]
    one = Image.open(io.BytesIO(curves({"Training": {"loss": points}, "Validation": {}})))
    two = Image.open(
        io.BytesIO(curves({"Training": {"loss": points}, "Validation": {"dice": points[:5], "b": points}}))
    )
    assert two.width == one.width
    assert one.tobytes() != two.tobytes()


def test_curves_without_a_point():
    with pytest.raises(ValueError, match="no curve"):
        curves({"Training": {"loss": []}})


def dotted(png, place):
    colour = np.array(to_rgb(look(place).colour)) * 255
    seen = 0.65 * colour + 0.35 * 255  # dots are see-through
    return int((np.abs(pixels(png) - seen).sum(axis=2) < 30).sum())


def test_each_value_is_a_dot_of_its_group():
    few, many = (
        dots({"LV": [0.2], "RV": [0.8]}, "Dice", (0, 1)),
        dots({"LV": [0.2, 0.5, 0.9], "RV": []}, "Dice", (0, 1)),
    )
    assert dotted(few, 0) == pytest.approx(dotted(few, 1), rel=0.3)
    assert dotted(many, 0) == pytest.approx(3 * dotted(few, 0), rel=0.3)
    assert dotted(many, 1) == 0


def test_equal_values_stay_apart():
    assert dotted(dots({"LV": [0.5] * 4 + [0.9]}, "Dice", (0, 1)), 0) > 4 * dotted(
        dots({"LV": [0.5]}, "Dice", (0, 1)), 0
    )


def test_same_values_give_same_bytes_with_limits_of_their_own():
    assert dots({"a": [1.0, 30.0]}, "mm") == dots({"a": [1.0, 30.0]}, "mm")
    with pytest.raises(ValueError, match="group"):
        dots({}, "mm")


def test_a_profile_has_a_line_for_each_key():
    png = profile({"any": np.array([0.1, 0.9]), "subdural": np.array([0.0, 0.4])}, np.array([0, 4]))
    assert png.startswith(b"\x89PNG")
    assert profile({"any": np.array([0.1, 0.9])}, np.array([0, 4])) != png


@pytest.mark.parametrize("lines", [{}, {"any": np.zeros(3)}])
def test_a_profile_without_lines(lines):
    with pytest.raises(ValueError, match="no line"):
        profile(lines, np.arange(2))


def test_a_reliability_plot_depends_on_its_points():
    panels = {"As trained": {"any": [(0.1, 0.0), (0.9, 1.0)]}, "Scaled": {"any": [(0.2, 0.1), (0.8, 0.9)]}}
    png = reliability_plot(panels)
    assert np.asarray(Image.open(io.BytesIO(png))).std() > 5
    assert reliability_plot(panels) == png
    assert reliability_plot({**panels, "Scaled": {"any": [(0.2, 0.9)]}}) != png
    assert reliability_plot({"Nothing known": {"any": []}}).startswith(b"\x89PNG")


def test_reliability_without_a_panel():
    with pytest.raises(ValueError, match="no panel"):
        reliability_plot({})


@pytest.mark.parametrize("classes", [1, 6])
def test_titles_and_legend_are_whole(monkeypatch, classes):
    made = []
    monkeypatch.setattr(chart, "new_figure", lambda *size: made.append(new_figure(*size)) or made[-1])
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


def coloured(png, colour):
    wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return int((np.abs(pixels(png) - wanted).max(-1) < 30).sum())


def test_volumes_are_dots_and_where_it_was_used_the_curve():
    volumes = np.array([100.0, 80, 50, 70, 95])
    ends = {"ED": (0, 100.0), "ES": (2, 50.0)}
    bare, curved = volume_curve(volumes, None, ends, "lv"), volume_curve(volumes, volumes + 5, ends, "lv")
    assert coloured(bare, look(0).colour) > 200
    assert coloured(bare, look(1).colour) == 0
    assert coloured(curved, look(1).colour) > 500


def test_a_cloud_of_points_shows_every_group_and_unknown_ones_in_grey():
    positions = np.random.default_rng(0).normal(size=(90, 2))
    groups = {"AP": positions[:40], "PA": positions[40:80], "unknown": positions[80:]}
    png = scatter(groups, "view", quiet="unknown")
    assert area(png, 0) > 100  # dots are translucent; the legend's are not
    assert area(png, 1) > 100
    assert area(png, 2) == 0
    assert png == scatter(groups, "view", quiet="unknown")
    assert np.ptp(pixels(png), axis=(0, 1)).min() > 150
    with pytest.raises(ValueError, match="no point"):
        scatter({"AP": positions[:0]}, "view")


def test_lines_of_other_sizes_get_panels_of_their_own(monkeypatch):
    drawn = []
    monkeypatch.setattr("vesalius.report.chart.chart_png", lambda figure: drawn.append(figure) or b"")
    small, large = [(0, 0.5), (1, 0.7)], [(0, 30.0), (1, 12.0)]
    curves({"Validation": {"auroc": small, "loss": large, "auprc": small}, "Training": {"loss": small}})
    shown = [axes for axes in drawn[0].axes if axes.axison]
    assert [axes.get_title(loc="left") for axes in shown] == [
        "Validation: auroc, auprc",
        "Validation: loss",
        "Training",
    ]
    (legend,) = (axes.get_legend() for axes in shown if axes.get_legend())
    assert [text.get_text() for text in legend.get_texts()] == ["auroc", "auprc"]
    drawn[0].draw_without_rendering()
    axes, box = shown[0], legend.get_window_extent(drawn[0].canvas.get_renderer())
    assert box.y1 < axes.get_window_extent().y0  # below the lines
