"""Pictures with the outlines of a model and, if there is one, of a reference.

Letters: J rows, I columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from vesalius.report.style import INK, TEXT_POINTS, legend_below, look, new_figure, to_png

_INCHES, _LINE_INCHES = 2.9, 0.2
"""Side of a picture, and height of a line of its caption."""
_BRIGHTEST = 99.5
_DOTTED = (0, (1, 1))


@dataclass(frozen=True, eq=False)
class Outlined:
    """A picture and its label maps.

    Args:
        caption: text above the picture.
        picture_JI: real values (J, I), or 8 bits (J, I, 3) in colours.
        truth_JI: class numbers of the reference, 0 the background; None where there is no reference.
        found_JI: class numbers of the model.
        spacing_mm: distance of neighbouring pixels along (j, i), for the right proportions.
    """

    caption: str
    picture_JI: NDArray[Any]
    truth_JI: NDArray[np.integer] | None
    found_JI: NDArray[np.integer]
    spacing_mm: tuple[float, float] = (1.0, 1.0)


def outlines(pictures: Sequence[Outlined], names: Sequence[str], columns: int = 3) -> bytes:
    """Draw a PNG of pictures in rows.

    The model has full lines; where any picture has a reference, the reference has full lines and the model dotted ones.
    The legend names the classes of these pictures, and the two kinds of lines.

    Args:
        pictures: at least one.
        names: names of the classes 1, 2, ...; each has its colour.
        columns: pictures in a row.

    Raises:
        ValueError: no picture.
    """
    if not pictures:
        raise ValueError("there is no picture to draw")
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    compared = any(picture.truth_JI is not None for picture in pictures)
    lines = max(picture.caption.count("\n") + 1 for picture in pictures)
    figure = new_figure(_INCHES * columns, (_INCHES + 0.15 + _LINE_INCHES * lines) * rows + 0.1, "constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    drawn: set[int] = set()
    for axes, picture in zip(grid, pictures, strict=False):
        _draw(axes, picture)
        model_style = (_DOTTED, 2.0) if compared else ("-", 1.3)
        styles = ((picture.truth_JI, "-", 1.3), (picture.found_JI, *model_style))
        for labels_JI, style, width in styles:
            if labels_JI is not None:
                drawn |= _contours(axes, labels_JI, len(names), style, width)
    handles = [Line2D([], [], color=look(n - 1).colour, label=names[n - 1]) for n in sorted(drawn)]
    if compared:
        handles.append(Line2D([], [], color=INK, label="reference"))
        handles.append(Line2D([], [], color=INK, linestyle=":", label="model"))
    if handles:
        legend_below(figure, handles)
    return to_png(figure)


def _draw(axes: Any, shown: Outlined) -> None:
    aspect = shown.spacing_mm[0] / shown.spacing_mm[1]
    if shown.picture_JI.ndim == len("JIC"):
        axes.imshow(shown.picture_JI, aspect=aspect)
    else:
        low, high = float(np.nanmin(shown.picture_JI)), float(np.nanpercentile(shown.picture_JI, _BRIGHTEST))
        axes.imshow(shown.picture_JI, cmap="gray", vmin=low, vmax=max(high, low + 1e-6), aspect=aspect)
    axes.set_title(shown.caption, fontsize=TEXT_POINTS - 1, color=INK)


def _contours(axes: Any, labels_JI: NDArray[np.integer], classes: int, style: Any, width: float) -> set[int]:
    """Outline the classes; return the classes that have an outline."""
    drawn = set()
    for number in range(1, classes + 1):
        inside_JI = labels_JI == number
        if inside_JI.any() and not inside_JI.all():
            axes.contour(
                inside_JI, levels=[0.5], colors=[look(number - 1).colour], linewidths=width, linestyles=[style]
            )
            drawn.add(number)
    return drawn
