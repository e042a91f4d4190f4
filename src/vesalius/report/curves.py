"""Curves of a run over its optimizer steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vesalius.report.style import INK, TEXT_POINTS, TITLE_POINTS, look, new_figure, quiet_axes, to_png, whole_ticks

Points = Sequence[tuple[float, float]]
_MOST_MARKERS = 40


def curves(panels: Mapping[str, Mapping[str, Points]]) -> bytes:
    """Draw a PNG with one panel for each key, side by side: name -> (step, value) points, joined by lines.

    Raises:
        ValueError: there is no point.
    """
    drawn = {title: {name: points for name, points in lines.items() if points} for title, lines in panels.items()}
    drawn = {title: lines for title, lines in drawn.items() if lines}
    if not drawn:
        raise ValueError("there is no curve to draw")
    figure = new_figure(max(5.2 * len(drawn), 6.4), 3.8, "constrained")
    grid = figure.subplots(1, len(drawn), squeeze=False)[0]
    for axes, (title, lines) in zip(grid, drawn.items(), strict=True):
        for place, (name, points) in enumerate(lines.items()):
            style = look(place)
            steps, values = [step for step, _ in points], [value for _, value in points]
            marker = style.marker if len(points) <= _MOST_MARKERS else None
            axes.plot(
                steps,
                values,
                color=style.colour,
                linestyle=style.dashes,
                marker=marker,
                markersize=4,
                linewidth=1.6,
                label=name,
            )
        quiet_axes(axes)
        whole_ticks(axes.xaxis)
        axes.set_title(title, fontsize=TITLE_POINTS, color=INK)
        axes.set_xlabel("optimizer steps", fontsize=TEXT_POINTS, color=INK)
        if len(lines) > 1:
            axes.legend(fontsize=TEXT_POINTS - 1, frameon=False)
    return to_png(figure)
