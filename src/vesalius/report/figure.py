"""Pictures side by side: original, restored, error.

Letters: J rows, I columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from vesalius.report.style import INK, QUIET, TEXT_POINTS, new_figure, to_png
from vesalius.report.table import number

_LONG_SIDE, _EDGE, _GAP, _CAPTION, _SCALE = 2.7, 0.1, 0.12, 0.5, 0.62
"""Inches: longer side of a picture, margin of the figure, between pictures, above each, below the last."""
_LEAST_WIDTH = 1.5
_ERROR_COLOURS = "RdBu_r"


@dataclass(frozen=True)
class Shown:
    """A restored picture.

    Args:
        caption: one or two short lines.
        picture_JI: real values on the original's grid.
    """

    caption: str
    picture_JI: NDArray[Any]


def panel(
    original_JI: NDArray[Any],
    restored: Sequence[Shown],
    *,
    window: tuple[float, float],
    spacing_mm: tuple[float, float] = (1.0, 1.0),
    gain: float = 10.0,
    unit: str = "",
    caption: str = "Original",
) -> bytes:
    """Draw a PNG: the original, each restored picture beside it, and its error below.

    A single restored picture and its error stand in one row with the original. Grey pictures share one window. The
    error (restored minus original) is white where it is zero; full colour is the width of the window divided by
    `gain`, so an error is seen `gain` times as strong as in the pictures. The scale below gives the values.

    Args:
        original_JI: real values, shape (J, I).
        restored: one or more pictures of the same shape.
        window: real values shown black and white.
        spacing_mm: distance of neighbouring pixels along (j, i), for the right proportions.
        gain: how much the error is amplified.
        unit: unit of the values, e.g. "HU"; "" where unknown.
        caption: text above the original.

    Raises:
        ValueError: no restored picture, shapes that differ, or a window that is not from low to high.
    """
    if not restored or any(shown.picture_JI.shape != original_JI.shape for shown in restored):
        raise ValueError("restored pictures of the original's shape are needed")
    if not window[0] < window[1]:
        raise ValueError(f"no window from {window[0]} to {window[1]}")
    rows, columns = (1, 3) if len(restored) == 1 else (2, 1 + len(restored))
    sheet = _Sheet.of(original_JI.shape, spacing_mm, rows, columns)
    _grey(sheet, (0, 0), original_JI, window, caption)
    limit = (window[1] - window[0]) / gain
    error_cells = []
    for place, shown in enumerate(restored, start=1):
        _grey(sheet, (0, place), shown.picture_JI, window, shown.caption)
        error_cells.append((0, 2) if rows == 1 else (1, place))
        error_JI = shown.picture_JI.astype(np.float64) - original_JI
        drawn = _error(sheet, error_cells[-1], error_JI, limit, f"Error x {gain:g}\n{_rms(error_JI, unit)}")
    _scale(sheet, drawn, error_cells, limit, unit)
    return to_png(sheet.figure)


@dataclass(frozen=True)
class _Sheet:
    """A figure with a grid of pictures; all sizes in inches."""

    figure: Figure
    rows: int
    width: float
    height: float
    cell_width: float
    aspect: float

    @classmethod
    def of(cls, shape_JI: tuple[int, ...], spacing_mm: tuple[float, float], rows: int, columns: int) -> _Sheet:
        tall, wide = (n * step for n, step in zip(shape_JI, spacing_mm, strict=True))
        width, height = _LONG_SIDE * min(1, wide / tall), _LONG_SIDE * min(1, tall / wide)
        cell_width = max(width, _LEAST_WIDTH)
        figure = new_figure(
            2 * _EDGE + columns * cell_width + (columns - 1) * _GAP, _EDGE + rows * (_CAPTION + height) + _SCALE, None
        )
        return cls(figure, rows, width, height, cell_width, spacing_mm[0] / spacing_mm[1])

    def axes(self, cell: tuple[int, int]) -> Any:
        """The axes of the picture in this row and column."""
        row, column = cell
        left = self.left(column) + (self.cell_width - self.width) / 2
        bottom = _SCALE + (self.rows - 1 - row) * (self.height + _CAPTION)
        return self.place(left, bottom, self.width, self.height)

    def left(self, column: int) -> float:
        """Left edge of a column."""
        return _EDGE + column * (self.cell_width + _GAP)

    def place(self, left: float, bottom: float, width: float, height: float) -> Any:
        """Axes at a position in inches."""
        across, up = self.figure.get_size_inches()
        return self.figure.add_axes((left / across, bottom / up, width / across, height / up))


def _grey(
    sheet: _Sheet, cell: tuple[int, int], picture_JI: NDArray[Any], window: tuple[float, float], caption: str
) -> None:
    axes = sheet.axes(cell)
    axes.imshow(picture_JI, cmap="gray", vmin=window[0], vmax=window[1], aspect=sheet.aspect, interpolation="nearest")
    _bare(axes, caption)


def _error(sheet: _Sheet, cell: tuple[int, int], error_JI: NDArray[Any], limit: float, caption: str) -> Any:
    axes = sheet.axes(cell)
    drawn = axes.imshow(
        error_JI, cmap=_ERROR_COLOURS, norm=Normalize(-limit, limit), aspect=sheet.aspect, interpolation="nearest"
    )
    _bare(axes, caption)
    return drawn


def _bare(axes: Any, caption: str) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(QUIET)
        spine.set_linewidth(0.5)
    axes.set_title(caption, fontsize=TEXT_POINTS, color=INK, linespacing=1.2, pad=4)


def _rms(error_JI: NDArray[np.float64], unit: str) -> str:
    finite = error_JI[np.isfinite(error_JI)]
    size = float(np.sqrt(np.square(finite).mean())) if finite.size else float("nan")
    return f"RMS {number(size)} {unit}".rstrip()


def _scale(sheet: _Sheet, drawn: Any, cells: Sequence[tuple[int, int]], limit: float, unit: str) -> None:
    """The colours of the error below its pictures, not wider than two of them."""
    left, right = sheet.left(cells[0][1]), sheet.left(cells[-1][1]) + sheet.cell_width
    width = min(right - left, 2 * sheet.cell_width) * 0.8
    axes = sheet.place((left + right - width) / 2, _SCALE - 0.18, width, 0.1)
    bar = sheet.figure.colorbar(drawn, cax=axes, orientation="horizontal")
    bar.set_ticks([-limit, 0, limit], labels=[f"-{number(limit)}", "0", f"+{number(limit)}"])
    axes.tick_params(labelsize=TEXT_POINTS - 1, colors=QUIET, labelcolor=INK, pad=2)
    bar.outline.set_linewidth(0.5)
    bar.set_label(f"restored - original ({unit or 'real values'})", fontsize=TEXT_POINTS - 1, color=INK, labelpad=1)
