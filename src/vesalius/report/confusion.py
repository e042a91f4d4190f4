"""A confusion matrix as a picture: shares of each true class, with counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vesalius.report.style import INK, TEXT_POINTS, chart_png, new_figure

_DARK = 0.55
"""Share from which the letters of a field are white."""


def confusion_plot(matrix: Sequence[Sequence[int]], classes: Sequence[str]) -> bytes:
    """Draw a PNG: rows are true classes, columns called ones; a field has its count and the colour of its share.

    Raises:
        ValueError: the matrix has not a row and a column for each class.
    """
    counts = np.array(matrix)
    if counts.shape != (len(classes), len(classes)):
        raise ValueError(f"a matrix {counts.shape} for {len(classes)} classes")
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side = 1.6 + 0.8 * len(classes)
    figure = new_figure(side + 0.6, side, "constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*counts.shape):
        colour = "white" if shares[row, column] > _DARK else INK
        words = f"{counts[row, column]:,}"
        axes.text(column, row, words, ha="center", va="center", fontsize=TEXT_POINTS, color=colour)
    for axis, name in ((axes.xaxis, "called"), (axes.yaxis, "true")):
        axis.set_ticks(np.arange(len(classes)), classes)
        axis.set_label_text(name, fontsize=TEXT_POINTS, color=INK)
    axes.tick_params(axis="x", labelrotation=45 if max(map(len, classes)) > 8 else 0)
    axes.tick_params(labelsize=TEXT_POINTS - 1, colors=INK, length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return chart_png(figure)
