"""A chart of single values: one row of dots for each group, with its mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from vesalius.report.style import INK, TEXT_POINTS, look, new_figure, quiet_axes, to_png

_SPREAD = 0.26
"""Largest shift of a dot, in rows."""


def dots(groups: Mapping[str, Sequence[float]], value_name: str, limits: tuple[float, float] | None = None) -> bytes:
    """Draw a PNG of dots along a horizontal axis: group -> values. A line marks the mean of several values.

    Dots are shifted up and down a little, always in the same way, so that equal values stay visible.

    Args:
        groups: row -> values; a row may be empty.
        value_name: label of the axis.
        limits: ends of the axis; None: ends of the values.

    Raises:
        ValueError: there is no group.
    """
    if not groups:
        raise ValueError("there is no group to draw")
    figure = new_figure(7.6, 1.1 + 0.42 * len(groups), "constrained")
    axes = figure.subplots()
    for place, values in enumerate(groups.values()):
        array = np.asarray(values, dtype=float)
        shifts = ((np.arange(array.size) * 0.618) % 1 - 0.5) * 2 * _SPREAD if array.size > 1 else np.zeros(array.size)
        colour = look(place).colour
        axes.plot(array, place + shifts, linestyle="none", marker="o", markersize=5, color=colour, alpha=0.65)
        if array.size > 1:
            axes.plot([array.mean()] * 2, [place - 0.36, place + 0.36], color=INK, linewidth=2)
    quiet_axes(axes)
    axes.grid(False, axis="y")
    axes.set_yticks(np.arange(len(groups)), list(groups))
    axes.set_ylim(len(groups) - 0.4, -0.6)
    if limits is not None:
        margin = 0.02 * (limits[1] - limits[0])
        axes.set_xlim(limits[0] - margin, limits[1] + margin)
    axes.set_xlabel(value_name, fontsize=TEXT_POINTS, color=INK)
    return to_png(figure)
