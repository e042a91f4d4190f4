"""Draws docs/figures/coordinates.svg: voxel centres on a grid, and slices of a tilted gantry that lie on none.

Run again after a change: python docs/figures/make_coordinates.py
"""

from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Polygon

BLUE, RED, GREY = "#2b5c8a", "#b5442e", "#8a8a8a"
STYLE = {
    "svg.hashsalt": "vesalius",
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.titlesize": 10,
    "font.family": "sans-serif",
}


def main() -> None:
    """Draw both panels and write the SVG."""
    with mpl.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.6), layout="constrained")
        draw_grid(left)
        draw_tilt(right)
        figure.savefig(Path(__file__).with_name("coordinates.svg"), metadata={"Date": None, "Creator": None})


def draw_grid(axes: Axes) -> None:
    """One slice seen in the world: pixel outlines, their centres, the origin and the steps of i and j."""
    origin, step_i, step_j = np.array([30.0, 55.0]), np.array([-9.5, -2.0]), np.array([2.0, -9.5])
    for i in range(5):
        for j in range(4):
            centre = origin + i * step_i + j * step_j
            corners = [
                centre + a * step_i + b * step_j for a, b in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))
            ]
            axes.add_patch(Polygon(corners, closed=True, fill=False, edgecolor=GREY, linewidth=0.8))
            axes.plot(*centre, ".", color=BLUE, markersize=4)
    for step, name, shift in ((step_i, "i", (-1, 2.5)), (step_j, "j", (2, -3))):
        axes.annotate("", origin + step, origin, arrowprops={"arrowstyle": "-|>", "color": RED, "linewidth": 1.6})
        axes.text(*(origin + step + np.array(shift)), name, color=RED, fontsize=12, style="italic")
    axes.annotate(
        "affine[:3, 3]:\ncentre of voxel (0, 0, 0)", origin, origin + np.array([-8, 9]), ha="center",
        arrowprops={"arrowstyle": "-", "color": GREY},
    )  # fmt: skip
    axes.set(xlim=(-25, 50), ylim=(10, 72), xlabel="x, mm (to the patient's Right)", ylabel="y, mm (Anterior)")
    axes.set_title("A grid: one affine for every voxel")
    axes.set_aspect("equal")


def draw_tilt(axes: Axes) -> None:
    """Slices from the side: the normal, and the line along which a tilted gantry stacks them, with uneven gaps."""
    angle = np.radians(18)
    along, normal = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    heights = np.array([0.0, 5.0, 10.0, 15.0, 24.0, 33.0])
    for number, height in enumerate(heights):
        start = np.array([0.0, height / np.cos(angle)])
        end = start + 44 * along
        axes.plot(*zip(start, end, strict=True), color=BLUE, linewidth=2)
        axes.plot(*start, "o", color=BLUE, markersize=4)
        axes.text(*(end + np.array([1.2, -0.5])), f"k = {number}", va="center")
    top = np.array([0.0, heights[-1] / np.cos(angle) + 6])
    axes.annotate("", top, (0, -4), arrowprops={"arrowstyle": "-|>", "color": GREY, "linestyle": "--"})
    axes.text(-1.5, 30, "stacked this way", rotation=90, ha="right", va="center", color=GREY)
    foot = 30 * along
    axes.annotate("", foot + 15 * normal, foot, arrowprops={"arrowstyle": "-|>", "color": RED, "linewidth": 1.6})
    axes.text(*(foot + 16 * normal + np.array([0, 1.5])), "normal", color=RED, ha="center")
    axes.set(xlim=(-12, 56), ylim=(-6, 54), xlabel="y, mm (Anterior)", ylabel="z, mm (Superior)")
    axes.set_title("A stack: tilted gantry, uneven gaps, no grid")
    axes.set_aspect("equal")


if __name__ == "__main__":
    main()
