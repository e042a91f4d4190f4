"""Reliability diagram: predicted probabilities against observed frequencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vesalius.report.style import (
    INK,
    QUIET,
    TEXT_POINTS,
    TITLE_POINTS,
    legend_below,
    look,
    new_figure,
    quiet_axes,
    to_png,
)

Points = Sequence[tuple[float, float]]


def reliability_plot(panels: Mapping[str, Mapping[str, Points]]) -> bytes:
    """Draw a PNG with a panel for each key: name -> (mean probability, observed share) of each bin that is not empty.

    Raises:
        ValueError: there is no panel.
    """
    if not panels:
        raise ValueError("there is no panel to draw")
    figure = new_figure(max(4.4 * len(panels), 5.0), 4.6, "constrained")
    grid = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    handles: dict[str, object] = {}
    for axes, (title, lines) in zip(grid, panels.items(), strict=True):
        axes.plot((0, 1), (0, 1), color=QUIET, linewidth=1.0)
        for place, (name, points) in enumerate(lines.items()):
            style = look(place)
            x, y = [point[0] for point in points], [point[1] for point in points]
            drawn = {"color": style.colour, "linestyle": style.dashes, "marker": style.marker, "markersize": 5}
            (handles[name],) = axes.plot(x, y, linewidth=1.6, label=name, **drawn)
        quiet_axes(axes)
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
        axes.set_title(title, fontsize=TITLE_POINTS, color=INK)
        axes.set_xlabel("mean probability", fontsize=TEXT_POINTS, color=INK)
    grid[0].set_ylabel("observed share", fontsize=TEXT_POINTS, color=INK)
    legend_below(figure, list(handles.values()))
    figure.canvas.draw()  # square axes reach their final place in the second drawing only
    return to_png(figure)
