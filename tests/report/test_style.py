import itertools
import subprocess
import sys

import numpy as np
from matplotlib.colors import to_rgb

from vesalius.report.style import (
    chart_png,
    is_chart,
    legend_below,
    look,
    new_figure,
    quiet_axes,
    to_png,
    whole_ticks,
)

# Machado et al. 2009, full deuteranopia and protanopia, linear RGB.
_DEUTAN = np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]])
_PROTAN = np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]])


def linear(colour):
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def test_the_first_colours_differ_for_colour_blind_eyes():
    colours = [linear(look(place).colour) for place in range(4)]
    for matrix in (np.eye(3), _DEUTAN, _PROTAN):
        seen = [np.cbrt(np.clip(matrix @ colour, 0, 1)) for colour in colours]
        assert min(np.linalg.norm(one - other) for one, other in itertools.combinations(seen, 2)) > 0.1


def test_series_differ_in_marker_and_dashes_too():
    looks = [look(place) for place in range(7)]
    assert len({one.marker for one in looks}) == len({one.dashes for one in looks}) == 7
    assert look(7) == look(0)


def test_lines_stand_out_from_white_paper():
    for place in range(6):
        luminance = linear(look(place).colour) @ [0.2126, 0.7152, 0.0722]
        assert 1.05 / (luminance + 0.05) > 2.9


def test_same_figure_same_bytes():
    def draw():
        figure = new_figure(3, 2, "constrained")
        axes = figure.subplots()
        axes.plot([1, 2], [3, 4])
        quiet_axes(axes)
        return to_png(figure)

    assert draw() == draw()
    assert draw().startswith(b"\x89PNG")
    assert b"Software" not in draw()


def test_pyplot_is_not_used():
    imports = "; ".join(
        f"import vesalius.report.{one}" for one in ("chart", "figure", "web_page", "page", "style", "table")
    )
    code = f"import sys; {imports}; sys.exit('matplotlib.pyplot' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)  # another Python: what else runs in this one may load it


def test_frames_slices_and_steps_are_whole():
    for highest in (1, 2, 3, 7, 28):
        axes = new_figure(6, 3, None).subplots()
        axes.plot(range(highest + 1), range(highest + 1))
        whole_ticks(axes.xaxis)
        ticks = axes.get_xticks()
        assert np.array_equal(ticks, np.round(ticks))


def test_a_legend_has_the_columns_that_fit():
    for width, columns in ((9.0, 5), (2.5, 2), (1.0, 1)):
        figure = new_figure(width, 2.0, "constrained")
        lines = [figure.subplots().plot([0, 1], label=f"coder {n}")[0] for n in range(6)]
        legend_below(figure, lines)
        (legend,) = figure.legends
        assert legend._ncols == columns
        assert figure.get_figheight() > 2.0


def test_a_chart_is_told_from_a_picture():
    figure = new_figure(1, 1, None)
    assert is_chart(chart_png(figure))
    assert not is_chart(to_png(figure))
