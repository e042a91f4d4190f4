"""Probabilities along the slices of a study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from vesalius.report.style import INK, TEXT_POINTS, legend_below, look, new_figure, quiet_axes, to_png, whole_ticks


def profile(lines: Mapping[str, NDArray[Any]], numbers: NDArray[Any]) -> bytes:
    """Draw a PNG: a line for each key over the slice numbers.

    Args:
        lines: name -> probabilities, one for each slice.
        numbers: slice numbers.

    Raises:
        ValueError: there is no line, or one of another length.
    """
    if not lines or any(len(values) != len(numbers) for values in lines.values()):
        raise ValueError("there is no line to draw, or one of another length")
    figure = new_figure(6.8, 3.2, "constrained")
    axes = figure.subplots()
    handles = []
    for place, (name, values) in enumerate(lines.items()):
        style = look(place)
        handles += axes.plot(
            numbers, values, color=style.colour, linestyle=style.dashes, marker=style.marker, markersize=3, label=name
        )
    quiet_axes(axes)
    whole_ticks(axes.xaxis)
    axes.set(ylim=(-0.02, 1.02))
    axes.set_xlabel("slice", fontsize=TEXT_POINTS, color=INK)
    axes.set_ylabel("probability of the slice", fontsize=TEXT_POINTS, color=INK)
    legend_below(figure, handles)
    return to_png(figure)
