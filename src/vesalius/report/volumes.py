"""The volume of a cavity over the frames of a cine.

Letters: T time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.report.style import INK, TEXT_POINTS, legend_below, look, new_figure, quiet_axes, to_png, whole_ticks


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
    figure = new_figure(6.4, 2.9, "constrained")
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
    quiet_axes(axes)
    whole_ticks(axes.xaxis)
    axes.margins(x=0.06, y=0.2)
    axes.set_xlabel("frame", fontsize=TEXT_POINTS, color=INK)
    axes.set_ylabel(f"{name} (mL)", fontsize=TEXT_POINTS, color=INK)
    legend_below(figure, handles)
    return to_png(figure)
