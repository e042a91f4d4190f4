"""The style of every figure: sizes, and colours that colour-blind readers can distinguish.

Only matplotlib's objects are used, never pyplot: there is no global state, and threads may draw at once.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

DPI = 150
TEXT_POINTS, TITLE_POINTS = 10.0, 11.0
_MOST_COLUMNS = 5
_KIND, _CHART, _HEAD = "Kind", "chart", 1024
"""Text of a PNG that marks a chart, and bytes among which it stands."""
INK, QUIET, RULE = "#1d2733", "#5a6672", "#d5dbe1"


@dataclass(frozen=True)
class SeriesStyle:
    """Colour, marker and dashes of a series: each alone distinguishes it."""

    colour: str
    marker: str
    dashes: str | tuple[int, tuple[int, ...]]

    def of_line(self) -> dict[str, Any]:
        """Return the arguments of a matplotlib line."""
        return {"color": self.colour, "marker": self.marker, "linestyle": self.dashes}


_LOOKS = (
    SeriesStyle("#0072b2", "o", "-"),
    SeriesStyle("#d55e00", "s", (0, (5, 2))),
    SeriesStyle("#009e73", "^", (0, (7, 2, 1, 2))),
    SeriesStyle("#cc79a7", "D", (0, (1, 1))),
    SeriesStyle("#7a5c00", "v", (0, (3, 1))),
    SeriesStyle("#333333", "P", (0, (9, 2))),
    SeriesStyle("#56b4e9", "X", (0, (3, 1, 1, 1))),
)
"""Okabe and Ito's colours, the yellow ones darkened for white paper."""


def look(place: int) -> SeriesStyle:
    """Return the style of the series at this place; after seven they repeat."""
    return _LOOKS[place % len(_LOOKS)]


def new_figure(width_inches: float, height_inches: float, layout: Literal["constrained"] | None) -> Figure:
    """Make an empty white figure; without a layout everything in it is placed by hand."""
    figure = Figure(figsize=(width_inches, height_inches), dpi=DPI, facecolor="white", layout=layout)
    FigureCanvasAgg(figure)
    return figure


def quiet_axes(axes: Any, x: str = "", y: str = "") -> None:
    """Give axes two thin lines, a light grid behind, readable ticks, and these names."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(QUIET)
    axes.grid(True, color=RULE, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=TEXT_POINTS - 1, colors=QUIET, labelcolor=INK)
    axes.set_xlabel(x, fontsize=TEXT_POINTS, color=INK)
    axes.set_ylabel(y, fontsize=TEXT_POINTS, color=INK)


def legend_below(figure: Figure, handles: Sequence[Any], points: float = TEXT_POINTS - 1) -> None:
    """Add a legend below everything, in as many columns as fit; the figure grows by its height, and for long names.

    Args:
        figure: a figure of the constrained layout.
        handles: with labels, in reading order.
        points: size of the letters.
    """
    for columns in range(min(len(handles), _MOST_COLUMNS), 0, -1):
        legend = figure.legend(
            handles=list(handles), loc="outside lower center", ncols=columns, fontsize=points, frameon=False
        )
        box = legend.get_window_extent(figure.canvas.get_renderer())  # type: ignore[attr-defined]
        wide, tall = box.width / figure.dpi, box.height / figure.dpi
        if columns == 1 or wide <= figure.get_figwidth():
            break
        legend.remove()
    figure.set_size_inches(max(figure.get_figwidth(), wide + 0.1), figure.get_figheight() + tall)


def whole_ticks(axis: Any) -> None:
    """Put ticks at whole numbers only, for frames, slices and steps."""
    axis.set_major_locator(MaxNLocator(integer=True))


def to_png(figure: Figure) -> bytes:
    """Return PNG bytes; the same figure gives the same bytes."""
    return _png(figure, {})


def chart_png(figure: Figure) -> bytes:
    """Return the same for lines and words on white, which a dark page may turn light on dark (`is_chart`)."""
    return _png(figure, {_KIND: _CHART})


def is_chart(png: bytes) -> bool:
    """Return whether a PNG came from `chart_png`."""
    return f"{_KIND}\0{_CHART}".encode() in png[:_HEAD]


def _png(figure: Figure, metadata: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None, **metadata})
    return buffer.getvalue()
