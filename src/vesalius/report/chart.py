"""Charts: rate against distortion, and bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from vesalius.report.style import (
    INK,
    QUIET,
    TEXT_POINTS,
    TITLE_POINTS,
    SeriesStyle,
    legend_below,
    look,
    new_figure,
    quiet_axes,
    to_png,
)

_TICK_STEPS = (1, 2, 5)
_MOST_MARKERS = 8


@dataclass(frozen=True)
class Line:
    """One rate-distortion curve.

    Args:
        name: the coder; equal names share a look.
        ratios: compression ratios.
        values: PSNR in dB, SSIM, ...
        faint: draw it thin and without markers (single patients behind the mean).
    """

    name: str
    ratios: Sequence[float]
    values: Sequence[float]
    faint: bool = False


@dataclass(frozen=True)
class Goal:
    """A point that a publication claims to reach."""

    name: str
    ratio: float
    value: float


def rate_distortion(panels: Mapping[str, Sequence[Line]], value_name: str, goal: Goal | None = None) -> bytes:
    """Draw a PNG of curves over a logarithmic compression ratio, one panel for each key, with shared axes.

    Args:
        panels: title -> curves, e.g. "Whole field" and "Heart region".
        value_name: label of the y axis.
        goal: a claim to mark, or None.

    Raises:
        ValueError: no curve has a point.
    """
    lines = [line for drawn in panels.values() for line in drawn if len(line.ratios)]
    if not lines:
        raise ValueError("there is no curve to draw")
    looks = {name: look(place) for place, name in enumerate(dict.fromkeys(line.name for line in lines))}
    figure = new_figure(max(5.6 * len(panels), 6.4), 4.6, "constrained")
    grid = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (title, drawn) in zip(grid, panels.items(), strict=True):
        for line in drawn:
            if len(line.ratios):
                _curve(axes, line, looks[line.name])
        if goal is not None:
            axes.plot(goal.ratio, goal.value, marker="*", markersize=15, color=INK, linestyle="none", zorder=5)
        _dress(axes, title)
    grid[0].set_ylabel(value_name, fontsize=TEXT_POINTS, color=INK)
    _ratio_axis(grid[0], [ratio for line in lines for ratio in line.ratios] + ([goal.ratio] if goal else []))
    handles = [_key(name, style) for name, style in looks.items()]
    if goal is not None:
        handles.append(Line2D([], [], marker="*", markersize=13, color=INK, linestyle="none", label=goal.name))
    legend_below(figure, handles, TEXT_POINTS)
    return to_png(figure)


def bars(groups: Mapping[str, Mapping[str, float]], value_name: str) -> bytes:
    """Draw a PNG of horizontal bars with their numbers: group -> name -> value.

    Raises:
        ValueError: there is no bar.
    """
    names = list(dict.fromkeys(name for group in groups.values() for name in group))
    if not names:
        raise ValueError("there is no bar to draw")
    thickness = 0.8 / len(groups)
    figure = new_figure(7.6, 1.1 + 0.26 * len(names) * (len(groups) + 0.4), "constrained")
    axes = figure.subplots()
    handles = []
    for place, (title, group) in enumerate(groups.items()):
        heights = np.arange(len(names)) + (place - (len(groups) - 1) / 2) * thickness
        values = [group.get(name, 0.0) for name in names]
        drawn = axes.barh(heights, values, thickness * 0.9, color=look(place).colour, label=title)
        handles.append(drawn)
        labels = [f"{group[name]:.2f}" if name in group else "" for name in names]
        axes.bar_label(drawn, labels=labels, padding=3, fontsize=TEXT_POINTS - 1, color=INK)
    quiet_axes(axes)
    axes.grid(False, axis="y")
    axes.set_yticks(np.arange(len(names)), names)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_xlabel(value_name, fontsize=TEXT_POINTS, color=INK)
    if len(groups) > 1:
        legend_below(figure, handles, TEXT_POINTS)
    return to_png(figure)


def _curve(axes: Any, line: Line, style: SeriesStyle) -> None:
    order = np.argsort(line.ratios)
    x, y = np.asarray(line.ratios, dtype=float)[order], np.asarray(line.values, dtype=float)[order]
    if line.faint:
        axes.plot(x, y, color=style.colour, linewidth=0.8, alpha=0.35)
    else:
        every = max(1, len(x) // _MOST_MARKERS)
        (drawn,) = axes.plot(x, y, color=style.colour, linestyle=style.dashes, linewidth=2)
        drawn.set(marker=style.marker, markersize=5, markevery=every)


def _key(name: str, style: SeriesStyle) -> Line2D:
    return Line2D(
        [], [], color=style.colour, linestyle=style.dashes, linewidth=2, marker=style.marker, markersize=5, label=name
    )


def _dress(axes: Any, title: str) -> None:
    quiet_axes(axes)
    axes.set_title(title, fontsize=TITLE_POINTS, color=INK, loc="left")
    axes.set_xlabel("compression ratio (n : 1, log scale)", fontsize=TEXT_POINTS, color=INK)


def _ratio_axis(axes: Any, ratios: Sequence[float]) -> None:
    """Make the x axis logarithmic with a few plain numbers."""
    low, high = min(ratios), max(ratios)
    axes.set_xscale("log")
    axes.set_xlim(low / 1.15, high * 1.15)
    decades = np.log10(high / low) if high > low else 0.0
    steps = _TICK_STEPS if decades < 2.2 else (1, 3) if decades < 3 else (1,)
    powers = range(int(np.floor(np.log10(low))) - 1, int(np.ceil(np.log10(high))) + 1)
    axes.xaxis.set_major_locator(FixedLocator([step * 10.0**power for power in powers for step in steps]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}"))
    axes.tick_params(axis="x", colors=QUIET, labelcolor=INK)
