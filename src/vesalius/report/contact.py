"""A contact sheet: pictures in rows, each with its caption.

Letters: J rows, I columns, C channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.report.style import INK, QUIET, TEXT_POINTS, look, new_figure, to_png

_INCHES, _CAPTION = 2.1, 0.55


@dataclass(frozen=True, eq=False)
class Tile:
    """A picture of a contact sheet.

    Args:
        caption: one or two short lines.
        picture: 8 bits, grey (J, I) or colours (J, I, 3).
        pixel_aspect: row spacing over column spacing.
        framed: draw a coloured frame around it.
    """

    caption: str
    picture: NDArray[np.uint8]
    pixel_aspect: float = 1.0
    framed: bool = False


def contact_sheet(tiles: Sequence[Tile], columns: int = 4) -> bytes:
    """Draw a PNG of pictures in rows.

    Raises:
        ValueError: no picture, or an empty one.
    """
    if not tiles or not all(tile.picture.size for tile in tiles):
        raise ValueError("there is no picture to draw")
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    figure = new_figure(_INCHES * columns, (_INCHES + _CAPTION) * rows, "constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    for axes, tile in zip(grid, tiles, strict=False):
        axes.set_axis_on()
        axes.set(xticks=[], yticks=[])
        axes.imshow(tile.picture, cmap="gray", vmin=0, vmax=255, aspect=tile.pixel_aspect, interpolation="antialiased")
        _frame(axes, tile.framed)
        axes.set_title(tile.caption, fontsize=TEXT_POINTS - 2, color=INK, linespacing=1.2)
    return to_png(figure)


def _frame(axes: Any, framed: bool) -> None:
    for spine in axes.spines.values():
        spine.set_color(look(1).colour if framed else QUIET)
        spine.set_linewidth(2.5 if framed else 0.5)
