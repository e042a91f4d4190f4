"""Pictures with the regions that are cases of a cohort.

Letters: J rows, I columns, C channel (RGB).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from vesalius.report.style import INK, TEXT_POINTS, legend_below, look, new_figure, to_png

_INCHES = 2.9
_COLUMNS = 3


@dataclass(frozen=True, eq=False)
class Places:
    """A picture and its regions.

    Args:
        caption: text above the picture.
        picture_JIC: 8-bit colours.
        boxes: x, y, width and height of each region, as shares of the width and height of the picture.
        classes: number of the class of each region.
        tissue_JI: where a slide shows tissue, on any grid of its proportions; None for other pictures.
    """

    caption: str
    picture_JIC: NDArray[np.uint8]
    boxes: Sequence[tuple[float, float, float, float]]
    classes: Sequence[int]
    tissue_JI: NDArray[np.bool_] | None = None


def draw_places(pictures: Sequence[Places], names: Sequence[str]) -> bytes:
    """Draw a PNG of pictures in rows, each region as a rectangle in the colour of its class.

    Args:
        pictures: at least one.
        names: of the classes 0, 1, ...; the legend holds those that occur.

    Raises:
        ValueError: no picture.
    """
    if not pictures:
        raise ValueError("there is no picture to draw")
    columns = min(_COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    figure = new_figure(columns * _INCHES, rows * _INCHES, "constrained")
    for axes, places in zip(figure.subplots(rows, columns, squeeze=False).flat, pictures, strict=False):
        _draw(axes, places)
    for axes in figure.axes[len(pictures) :]:
        axes.set_visible(False)
    present = sorted({number for places in pictures for number in places.classes})
    handles = [Line2D([], [], color=look(number).colour, label=names[number]) for number in present]
    if any(places.tissue_JI is not None for places in pictures):
        handles.append(Line2D([], [], color=INK, linestyle=":", label="edge of the tissue"))
    if handles:
        legend_below(figure, handles)
    return to_png(figure)


def _draw(axes: Any, places: Places) -> None:
    rows, columns = places.picture_JIC.shape[:2]
    extent = (0, columns, rows, 0)
    axes.imshow(places.picture_JIC, extent=extent)
    if places.tissue_JI is not None and 0 < places.tissue_JI.mean() < 1:
        axes.contour(places.tissue_JI[::-1], levels=[0.5], extent=extent, colors=INK, linestyles=":", linewidths=0.8)
    for (x, y, width, height), number in zip(places.boxes, places.classes, strict=True):
        corner, colour = (x * columns, y * rows), look(number).colour
        axes.add_patch(Rectangle(corner, width * columns, height * rows, fill=False, edgecolor=colour, linewidth=0.8))
    axes.set_title(places.caption, fontsize=TEXT_POINTS, color=INK)
    axes.set_axis_off()
