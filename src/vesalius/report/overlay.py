"""Pictures with outlines: what a reference marks and what a model found.

Letters: J rows, I columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from vesalius.report.style import INK, TEXT_POINTS, look, new_figure, to_png

_INCHES = 2.9
_BRIGHTEST = 99.5


@dataclass(frozen=True, eq=False)
class Outlined:
    """A picture and its label maps.

    Args:
        caption: what stands above.
        picture_JI: real values.
        truth_JI: class numbers of the reference, 0 the background.
        found_JI: of the model.
        spacing_mm: distance of neighbouring pixels along (j, i), for the right proportions.
    """

    caption: str
    picture_JI: NDArray[Any]
    truth_JI: NDArray[np.integer]
    found_JI: NDArray[np.integer]
    spacing_mm: tuple[float, float] = (1.0, 1.0)


def outlines(pictures: Sequence[Outlined], names: Sequence[str], columns: int = 3) -> bytes:
    """A PNG of pictures in rows; the reference is drawn in full lines, what was found in dotted ones.

    Args:
        pictures: at least one.
        names: of the classes 1, 2, ...; each has its colour.
        columns: pictures in a row.

    Raises:
        ValueError: no picture.
    """
    if not pictures:
        raise ValueError("there is no picture to draw")
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    figure = new_figure(_INCHES * columns, (_INCHES + 0.35) * rows + 0.5, "constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    for axes, one in zip(grid, pictures, strict=False):
        low, high = float(np.nanmin(one.picture_JI)), float(np.nanpercentile(one.picture_JI, _BRIGHTEST))
        shape = one.spacing_mm[0] / one.spacing_mm[1]
        axes.imshow(one.picture_JI, cmap="gray", vmin=low, vmax=max(high, low + 1e-6), aspect=shape)
        axes.set_title(one.caption, fontsize=TEXT_POINTS - 1, color=INK)
        for number in range(1, len(names) + 1):
            colour = look(number - 1).colour
            for labels_JI, style, width in ((one.truth_JI, "-", 1.3), (one.found_JI, (0, (1, 1)), 2.0)):
                inside_JI = labels_JI == number
                if inside_JI.any() and not inside_JI.all():
                    axes.contour(inside_JI, levels=[0.5], colors=[colour], linewidths=width, linestyles=[style])
    handles = [Line2D([], [], color=look(n).colour, label=name) for n, name in enumerate(names)]
    handles += [Line2D([], [], color=INK, label="reference"), Line2D([], [], color=INK, linestyle=":", label="model")]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=min(len(handles), 5), fontsize=TEXT_POINTS - 1, frameon=False
    )
    return to_png(figure)
