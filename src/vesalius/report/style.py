"""How every figure looks: sizes, and colours that colour-blind readers can tell apart.

Only matplotlib's objects are used, never pyplot: nothing global is touched, and threads may draw at once.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

DPI = 150
TEXT_POINTS, TITLE_POINTS = 10.0, 11.0
INK, QUIET, RULE = "#1d2733", "#5a6672", "#d5dbe1"


@dataclass(frozen=True)
class Look:
    """How one series is drawn: three ways to tell it apart."""

    colour: str
    marker: str
    dashes: str | tuple[int, tuple[int, ...]]


_LOOKS = (
    Look("#0072b2", "o", "-"),
    Look("#d55e00", "s", (0, (5, 2))),
    Look("#009e73", "^", (0, (7, 2, 1, 2))),
    Look("#cc79a7", "D", (0, (1, 1))),
    Look("#7a5c00", "v", (0, (3, 1))),
    Look("#333333", "P", (0, (9, 2))),
    Look("#56b4e9", "X", (0, (3, 1, 1, 1))),
)
"""Okabe and Ito's colours, the yellow ones darkened for white paper."""


def look(place: int) -> Look:
    """The look of the series at this place; after seven they repeat."""
    return _LOOKS[place % len(_LOOKS)]


def new_figure(width_inches: float, height_inches: float, layout: Literal["constrained"] | None) -> Figure:
    """An empty white figure; under None everything in it is placed by hand."""
    figure = Figure(figsize=(width_inches, height_inches), dpi=DPI, facecolor="white", layout=layout)
    FigureCanvasAgg(figure)
    return figure


def quiet_axes(axes: Any) -> None:
    """Two thin axes, a light grid behind, readable ticks."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(QUIET)
    axes.grid(True, color=RULE, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=TEXT_POINTS - 1, colors=QUIET, labelcolor=INK)


def to_png(figure: Figure) -> bytes:
    """PNG bytes; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()
