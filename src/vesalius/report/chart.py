"""Charts: lines (rate against distortion, training, slices, reliability, volumes, bands), bars, dots and point clouds.

Letters: T time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import NDArray

from vesalius.report.style import (
    INK,
    QUIET,
    TEXT_POINTS,
    TITLE_POINTS,
    SeriesStyle,
    chart_png,
    legend_below,
    look,
    new_figure,
    quiet_axes,
    whole_ticks,
)

Points = Sequence[tuple[float, float]]
_TICK_STEPS = (1, 2, 5)
_MOST_MARKERS, _MOST_STEPS_MARKED = 8, 40
_WIDE = 9.6
"""Inches of a chart that uses the width of a page."""
_BESIDE, _LEGEND_COLUMNS = 2, 3
"""Panels in a row; names in a row below one."""
_SPAN, _LEAST = 10.0, 1e-6
"""Lines whose largest values differ by more are drawn apart."""
_SHIFT = 0.26
"""Largest shift of a dot, in rows."""
_ASIDE = 1.02
"""Ratio of the places of two points that stand side by side."""
_TURNS = 8
"""Turns in which groups of points are drawn."""


@dataclass(frozen=True)
class Line:
    """One rate-distortion curve.

    Args:
        name: the coder; equal names share a look.
        x: compression ratios, or another rate.
        values: PSNR in dB, SSIM, ...
        faint: draw it thin and without markers (single patients behind the mean).
    """

    name: str
    x: Sequence[float]
    values: Sequence[float]
    faint: bool = False


@dataclass(frozen=True)
class Goal:
    """A point that a publication claims to reach."""

    name: str
    x: float
    value: float


@dataclass(frozen=True)
class Band:
    """A curve with a band around it and dots behind the mean.

    Args:
        name: of the curve.
        x: places, above 0.
        values: means.
        bands: lower and upper end at each place; None where there is none.
        dots: the values behind each mean.
    """

    name: str
    x: Sequence[float]
    values: Sequence[float]
    bands: Sequence[tuple[float, float] | None]
    dots: Sequence[Sequence[float]] = ()


def banded(curves: Sequence[Band], x_name: str, value_name: str, ticks: Mapping[float, str]) -> bytes:
    """Draw a PNG of curves with bands over a logarithmic axis; over a single place, of points with bars side by side.

    Args:
        curves: to draw.
        x_name: label of the x axis.
        value_name: label of the y axis.
        ticks: place -> text below it.

    Raises:
        ValueError: no curve has a point.
    """
    if not any(len(curve.x) for curve in curves):
        raise ValueError("there is no curve to draw")
    figure = new_figure(_WIDE, 4.8, "constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    handles = []
    for place, curve in enumerate(curves):
        style = look(place)
        aside = _ASIDE ** (place - (len(curves) - 1) / 2) if len(ticks) == 1 else 1.0
        places = [x * aside for x in curve.x]
        handles += axes.plot(places, curve.values, linewidth=2, markersize=6, label=curve.name, **style.of_line())
        inside = [(x, *band) for x, band in zip(places, curve.bands, strict=True) if band is not None]
        if inside and len(ticks) == 1:
            axes.vlines(*zip(*inside, strict=True), color=style.colour, alpha=0.5, linewidth=1.5)
        elif inside:
            at, low, high = zip(*inside, strict=True)
            axes.fill_between(at, low, high, color=style.colour, alpha=0.15, linewidth=0)
        for x, values in zip(places, curve.dots, strict=False):
            axes.plot([x] * len(values), values, linestyle="none", marker=".", color=style.colour, alpha=0.5)
    quiet_axes(axes, x=x_name, y=value_name)
    axes.xaxis.set_major_locator(FixedLocator(list(ticks)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.margins(x=0.5 if len(ticks) == 1 else 0.06)
    legend_below(figure, handles)
    return chart_png(figure)


def rate_distortion(
    panels: Mapping[str, Sequence[Line]], value_name: str, goal: Goal | None = None, x_name: str | None = None
) -> bytes:
    """Draw a PNG of curves over a logarithmic rate, one panel for each key, with shared axes.

    Args:
        panels: title -> curves, e.g. "Whole field" and "Heart region".
        value_name: label of the y axis.
        goal: a claim to mark, or None.
        x_name: label of the x axis; None: the compression ratio.

    Raises:
        ValueError: no curve has a point.
    """
    lines = [line for drawn in panels.values() for line in drawn if len(line.x)]
    if not lines:
        raise ValueError("there is no curve to draw")
    looks = {name: look(place) for place, name in enumerate(dict.fromkeys(line.name for line in lines))}
    figure = new_figure(_WIDE, 4.6, "constrained")
    grid = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (title, drawn) in zip(grid, panels.items(), strict=True):
        for line in drawn:
            if len(line.x):
                _curve(axes, line, looks[line.name])
        if goal is not None:
            axes.plot(goal.x, goal.value, marker="*", markersize=15, color=INK, linestyle="none", zorder=5)
        quiet_axes(axes, x=x_name or "compression ratio (n : 1, log scale)")
        axes.set_title(title, fontsize=TITLE_POINTS, color=INK, loc="left")
    grid[0].set_ylabel(value_name, fontsize=TEXT_POINTS, color=INK)
    _ratio_axis(grid[0], [x for line in lines for x in line.x] + ([goal.x] if goal else []))
    handles = [
        Line2D([], [], linewidth=2, markersize=5, label=name, **style.of_line()) for name, style in looks.items()
    ]
    if goal is not None:
        handles.append(Line2D([], [], marker="*", markersize=13, color=INK, linestyle="none", label=goal.name))
    legend_below(figure, handles, TEXT_POINTS)
    return chart_png(figure)


def curves(panels: Mapping[str, Mapping[str, Points]]) -> bytes:
    """Draw a PNG of a run, one panel for each key: name -> (optimizer step, value) points, joined by lines.

    Lines of a panel that would not be readable on one scale get panels of their own, two beside each other.

    Raises:
        ValueError: there is no point.
    """
    drawn = [
        (title if len(groups) == 1 else f"{title}: {', '.join(lines)}", lines)
        for title, named in panels.items()
        for groups in [_of_one_scale({name: points for name, points in named.items() if points})]
        for lines in groups
    ]
    if not drawn:
        raise ValueError("there is no curve to draw")
    columns = min(_BESIDE, len(drawn))
    rows = -(-len(drawn) // columns)
    figure = new_figure(_WIDE, 3.8 * rows, "constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[len(drawn) :]:
        axes.set_axis_off()
    for axes, (title, lines) in zip(grid, drawn, strict=False):
        for place, (name, points) in enumerate(lines.items()):
            steps, values = [step for step, _ in points], [value for _, value in points]
            size = 4 if len(points) <= _MOST_STEPS_MARKED else 0
            axes.plot(steps, values, linewidth=1.6, markersize=size, label=name, **look(place).of_line())
        quiet_axes(axes, x="optimizer steps")
        whole_ticks(axes.xaxis)
        axes.set_title(title, fontsize=TITLE_POINTS, color=INK, loc="left", wrap=True)
        if len(lines) > 1:
            below = {"loc": "upper left", "bbox_to_anchor": (0.0, -0.16), "ncols": _LEGEND_COLUMNS}
            axes.legend(fontsize=TEXT_POINTS - 1, frameon=False, **below)
    return chart_png(figure)


def _of_one_scale(lines: Mapping[str, Points]) -> list[dict[str, Points]]:
    """Return lines in groups whose largest values differ by less than `_SPAN`, in the order of their first lines."""
    sizes = {name: max(abs(value) for _, value in points) for name, points in lines.items()}
    groups: list[list[str]] = []
    for name in sorted(sizes, key=lambda name: sizes[name]):
        if groups and sizes[name] <= _SPAN * max(sizes[groups[-1][0]], _LEAST):
            groups[-1].append(name)
        else:
            groups.append([name])
    order = list(lines)
    ranked = sorted((sorted(group, key=order.index) for group in groups), key=lambda group: order.index(group[0]))
    return [{name: lines[name] for name in group} for group in ranked]


def profile(lines: Mapping[str, NDArray[Any]], numbers: NDArray[Any]) -> bytes:
    """Draw a PNG of the probabilities along a study: a line for each key over the slice numbers.

    Raises:
        ValueError: there is no line, or one that has not a probability for each slice.
    """
    if not lines or any(len(values) != len(numbers) for values in lines.values()):
        raise ValueError("there is no line to draw, or one of another length")
    figure = new_figure(_WIDE, 3.4, "constrained")
    axes = figure.subplots()
    handles = []
    for place, (name, values) in enumerate(lines.items()):
        handles += axes.plot(numbers, values, markersize=3, label=name, **look(place).of_line())
    quiet_axes(axes, x="slice", y="probability of the slice")
    whole_ticks(axes.xaxis)
    axes.set(ylim=(-0.02, 1.02))
    legend_below(figure, handles)
    return chart_png(figure)


def reliability_plot(panels: Mapping[str, Mapping[str, Points]]) -> bytes:
    """Draw a PNG with a panel for each key: name -> (mean probability, observed share) of each bin that is not empty.

    Raises:
        ValueError: there is no panel.
    """
    if not panels:
        raise ValueError("there is no panel to draw")
    figure = new_figure(_WIDE, 4.9, "constrained")
    grid = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    handles: dict[str, object] = {}
    for axes, (title, lines) in zip(grid, panels.items(), strict=True):
        axes.plot((0, 1), (0, 1), color=QUIET, linewidth=1.0)
        for place, (name, points) in enumerate(lines.items()):
            x, y = [point[0] for point in points], [point[1] for point in points]
            (handles[name],) = axes.plot(x, y, linewidth=1.6, markersize=5, label=name, **look(place).of_line())
        quiet_axes(axes, x="mean probability")
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
        axes.set_title(title, fontsize=TITLE_POINTS, color=INK)
    grid[0].set_ylabel("observed share", fontsize=TEXT_POINTS, color=INK)
    legend_below(figure, list(handles.values()))
    figure.canvas.draw()  # square axes reach their final place in the second drawing only
    return chart_png(figure)


def volume_curve(
    volumes_T: NDArray[Any], curve_T: NDArray[Any] | None, ends: Mapping[str, tuple[int, float]], name: str
) -> bytes:
    """Draw a PNG: dots for the volumes of the frames, a line for the smoothed curve, marks at ED and ES.

    Args:
        volumes_T: volumes in mL.
        curve_T: smoothed volumes; None where no smoothing was used.
        ends: "ED", "ES" -> frame from 0, and volume in mL.
        name: name of the cavity.
    """
    figure = new_figure(_WIDE, 3.2, "constrained")
    axes = figure.subplots()
    frames_T = np.arange(len(volumes_T))
    line = "none" if curve_T is not None else ":"
    handles = axes.plot(
        frames_T, volumes_T, color=look(0).colour, marker="o", markersize=4, linestyle=line, label="each frame"
    )
    if curve_T is not None:
        handles += axes.plot(frames_T, curve_T, color=look(1).colour, linewidth=1.6, label="smoothed curve")
    at = np.array(list(ends.values()), dtype=float).reshape(-1, 2)
    marks: dict[str, Any] = {"marker": "o", "markersize": 11, "markerfacecolor": "none", "linestyle": "none"}
    handles += axes.plot(at[:, 0], at[:, 1], color=INK, label=" and ".join(ends), **marks)
    highest = max(ml for _, ml in ends.values())
    for words, (frame, ml) in ends.items():
        away = {"xytext": (0, 9), "va": "bottom"} if ml == highest else {"xytext": (0, -9), "va": "top"}
        style: dict[str, Any] = {"fontsize": TEXT_POINTS - 1, "color": INK, "ha": "center", **away}
        axes.annotate(words, (frame, ml), textcoords="offset points", **style)
    quiet_axes(axes, x="frame", y=f"{name} (mL)")
    whole_ticks(axes.xaxis)
    axes.margins(x=0.06, y=0.2)
    legend_below(figure, handles)
    return chart_png(figure)


def bars(groups: Mapping[str, Mapping[str, float]], value_name: str) -> bytes:
    """Draw a PNG of horizontal bars with their numbers: group -> name -> value.

    Raises:
        ValueError: there is no bar.
    """
    groups = {title: group for title, group in groups.items() if group}
    names = list(dict.fromkeys(name for group in groups.values() for name in group))
    if not names:
        raise ValueError("there is no bar to draw")
    thickness = 0.8 / len(groups)
    figure = new_figure(_WIDE, 1.1 + 0.26 * len(names) * (len(groups) + 0.4), "constrained")
    axes = figure.subplots()
    handles = []
    for place, (title, group) in enumerate(groups.items()):
        heights = np.arange(len(names)) + (place - (len(groups) - 1) / 2) * thickness
        values = [group.get(name, 0.0) for name in names]
        drawn = axes.barh(heights, values, thickness * 0.9, color=look(place).colour, label=title)
        handles.append(drawn)
        labels = [f"{group[name]:.2f}" if name in group else "" for name in names]
        axes.bar_label(drawn, labels=labels, padding=3, fontsize=TEXT_POINTS - 1, color=INK)
    quiet_axes(axes, x=value_name)
    axes.grid(False, axis="y")
    axes.set_yticks(np.arange(len(names)), names)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    if len(groups) > 1:
        legend_below(figure, handles, TEXT_POINTS)
    return chart_png(figure)


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
    figure = new_figure(_WIDE, 1.1 + 0.42 * len(groups), "constrained")
    axes = figure.subplots()
    for place, values in enumerate(groups.values()):
        array = np.asarray(values, dtype=float)
        shifts = ((np.arange(array.size) * 0.618) % 1 - 0.5) * 2 * _SHIFT if array.size > 1 else np.zeros(array.size)
        colour = look(place).colour
        axes.plot(array, place + shifts, linestyle="none", marker="o", markersize=5, color=colour, alpha=0.65)
        if array.size > 1:
            axes.plot([array.mean()] * 2, [place - 0.36, place + 0.36], color=INK, linewidth=2)
    quiet_axes(axes, x=value_name)
    axes.grid(False, axis="y")
    axes.set_yticks(np.arange(len(groups)), list(groups))
    axes.set_ylim(len(groups) - 0.4, -0.6)
    if limits is not None:
        margin = 0.02 * (limits[1] - limits[0])
        axes.set_xlim(limits[0] - margin, limits[1] + margin)
    return chart_png(figure)


def scatter(groups: Mapping[str, NDArray[Any]], title: str, quiet: str = "") -> bytes:
    """Draw a PNG of points in a plane whose axes mean nothing: group -> positions (N, 2).

    Groups are drawn in turns of a few points, so that none covers the others.

    Args:
        groups: in the order of the legend.
        title: meaning of the groups, above the legend's names.
        quiet: group to draw grey and small, e.g. that of unknown labels.

    Raises:
        ValueError: there is no point.
    """
    if not sum(map(len, groups.values())):
        raise ValueError("there is no point to draw")
    figure = new_figure(6.8, 6.2, "constrained")
    axes = figure.subplots()
    size = float(np.clip(120 / np.sqrt(sum(map(len, groups.values()))), 2.5, 7))
    handles = []
    for place, (name, positions_N2) in enumerate(groups.items()):
        colour = QUIET if name == quiet else look(place).colour
        marker = "." if name == quiet else look(place).marker
        style: dict[str, Any] = {"color": colour, "marker": marker, "linestyle": "none", "markeredgewidth": 0}
        label = f"{name} ({len(positions_N2)})"
        handles.append(Line2D([], [], markersize=6, label=label, **style))
        for turn in range(_TURNS):
            part = positions_N2[turn::_TURNS]
            axes.plot(part[:, 0], part[:, 1], markersize=size, alpha=0.7, zorder=2 + turn, **style)
    quiet_axes(axes)
    axes.set(xticks=[], yticks=[])
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_title(title, fontsize=TITLE_POINTS, color=INK, loc="left")
    legend_below(figure, handles)
    return chart_png(figure)


def _curve(axes: Any, line: Line, style: SeriesStyle) -> None:
    order = np.argsort(line.x)
    x, y = np.asarray(line.x, dtype=float)[order], np.asarray(line.values, dtype=float)[order]
    if line.faint:
        axes.plot(x, y, color=style.colour, linewidth=0.8, alpha=0.35)
    else:
        every = max(1, len(x) // _MOST_MARKERS)
        axes.plot(x, y, linewidth=2, markersize=5, markevery=every, **style.of_line())


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
