"""A map of patch values over its slice.

Letters: J rows, I columns, H W patches down and across.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib
import numpy as np
from matplotlib.colors import Colormap, LinearSegmentedColormap
from numpy.typing import NDArray

from vesalius.report.style import INK, QUIET, TEXT_POINTS, new_figure, to_png
from vesalius.report.viewer import Stack

_INCHES = 3.6
_COLOURS, _DARK = "inferno", 0.35
"""A scale that begins at a threshold leaves out its dark part, so that no relevant patch is black on black."""
_STEPS = 64
"""Colours of an overlay."""
_MOST_OPAQUE = 0.7
"""Opacity of the highest value; the lowest is transparent."""
_LEAST_OPAQUE = 0.25
"""Opacity of a value at the floor, which must be visible."""
_LEAST_SPAN = 1e-3
"""Values that differ less, relative to the highest (to 1 where that is less), look equal."""


def heat_map(
    picture_JI: NDArray[Any],
    map_HW: NDArray[Any],
    name: str,
    *,
    caption: str = "",
    pixel_aspect: float = 1.0,
    mark: tuple[int, int] | None = None,
    covered: tuple[float, float, float, float] | None = None,
    floor: float | None = None,
    empty: str = "",
) -> bytes:
    """Draw a PNG: the slice alone, and the slice under its map, with a scale.

    With a floor the scale begins there: patches below it are not coloured, and where no patch reaches it there is
    neither colour nor frame.

    Args:
        picture_JI: the slice, 8 bits, (J, I) or in colours (J, I, 3).
        map_HW: a value for each patch.
        name: name of the values, for the scale.
        caption: text above the slice.
        pixel_aspect: row spacing over column spacing.
        mark: a patch (row, column) to frame.
        covered: (top, bottom, left, right) edges in pixels of the area of the patches; None: the whole picture.
        floor: lowest value to draw, e.g. a threshold; None: draw the whole map.
        empty: words where no patch reaches the floor; "" names the floor.

    Raises:
        ValueError: a value is not finite, or the picture or map is empty.
    """
    if not picture_JI.size or not map_HW.size or not np.isfinite(map_HW).all():
        raise ValueError("an empty picture, or a map that is not finite")
    rows, columns = picture_JI.shape[:2]
    tall = rows * pixel_aspect / columns
    figure = new_figure(2 * _INCHES + 0.9, _INCHES * tall + 0.5, "constrained")
    alone, under = figure.subplots(1, 2)
    for axes in (alone, under):
        axes.imshow(picture_JI, cmap="gray", vmin=0, vmax=255, aspect=pixel_aspect)
        axes.set_axis_off()
    top, bottom, left, right = covered or (-0.5, rows - 0.5, -0.5, columns - 0.5)
    extent = (left, right, bottom, top)
    shown_HW = np.asarray(map_HW, np.float64)
    high = float(shown_HW.max())
    low = float(shown_HW.min()) if floor is None else floor
    is_reached = high >= low
    low, high = (min(low, high - _LEAST_SPAN * max(1.0, abs(high))), high) if is_reached else (low, low + 1.0)
    opaque_HW = _MOST_OPAQUE * np.clip((shown_HW - low) / (high - low), 0, 1)
    if floor is not None:
        opaque_HW = np.where(shown_HW >= floor, np.maximum(opaque_HW, _LEAST_OPAQUE), 0.0)
    drawn = under.imshow(
        map_HW,
        cmap=_COLOURS if floor is None else _bright(),
        vmin=low,
        vmax=high,
        alpha=opaque_HW,
        extent=extent,
        aspect=pixel_aspect,
        interpolation="bilinear" if floor is None else "nearest",
    )
    under.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
    if not is_reached:
        alone.set_title(caption, fontsize=TEXT_POINTS, color=INK)
        under.set_title(empty or f"no patch reaches {low:.3g}", fontsize=TEXT_POINTS, color=INK)
        return to_png(figure)
    if mark is not None:
        height, width = (bottom - top) / map_HW.shape[0], (right - left) / map_HW.shape[1]
        x, y = left + mark[1] * width, top + mark[0] * height
        under.plot((x, x + width, x + width, x, x), (y, y, y + height, y + height, y), color="white", linewidth=1.2)
    bar = figure.colorbar(drawn, ax=under, shrink=0.8)
    bar.set_label(name, fontsize=TEXT_POINTS, color=INK)
    bar.ax.tick_params(labelsize=TEXT_POINTS - 1, colors=QUIET, labelcolor=INK)
    alone.set_title(caption, fontsize=TEXT_POINTS, color=INK)
    return to_png(figure)


def heat_stack(
    maps: Mapping[int, NDArray[Any]],
    covered: Mapping[int, tuple[float, float, float, float]],
    shape_JI: tuple[int, ...],
    shape_KJI: tuple[int, ...],
    floor: float | None = None,
) -> Stack:
    """Return maps of some slices as an overlay (1, K, J, I), in one scale of colours for all.

    Args:
        maps: place of the slice -> its map (H, W).
        covered: place of the slice -> edges of the area of the patches, in pixels of the slice.
        shape_JI: rows and columns of a slice.
        shape_KJI: slices, rows and columns of the overlay, which may be smaller.
        floor: lowest value to draw, e.g. a threshold; None: the lowest of all maps.
    """
    colours = _bright() if floor is not None else matplotlib.colormaps[_COLOURS]
    least = 0.0 if floor is None else _LEAST_OPAQUE
    shares = np.linspace(0, 1, _STEPS)
    palette_N4 = np.zeros((_STEPS + 1, 4), np.uint8)
    palette_N4[1:] = np.rint(255 * colours(shares))
    palette_N4[1:, 3] = np.rint(255 * np.maximum(_MOST_OPAQUE * shares, least))
    numbers_KJI = np.zeros(shape_KJI, np.uint8)
    low = min((float(map_HW.min()) for map_HW in maps.values()), default=0.0) if floor is None else floor
    high = max((float(map_HW.max()) for map_HW in maps.values()), default=low)
    span = max(high - low, _LEAST_SPAN * max(1.0, abs(high)))
    for k, map_HW in maps.items():
        top, bottom, left, right = covered[k]
        rows, down = _patches(shape_JI[0], shape_KJI[1], top, bottom, map_HW.shape[0])
        columns, across = _patches(shape_JI[1], shape_KJI[2], left, right, map_HW.shape[1])
        values = map_HW[rows][:, columns]
        drawn = (down[:, None] & across) & (values >= low)
        steps = 1 + np.rint((_STEPS - 1) * np.clip((values - low) / span, 0, 1)).astype(np.uint8)
        numbers_KJI[k] = np.where(drawn, steps, 0)
    return Stack(numbers_KJI[None], palette_N4)


def _patches(size: int, small: int, first: float, last: float, patches: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the patch of each of `small` pixels that stand for `size`, and whether one covers it."""
    centres = (np.arange(small) + 0.5) * size / small - 0.5
    places = np.floor((centres - first) / (last - first) * patches).astype(int)
    return np.clip(places, 0, patches - 1), (places >= 0) & (places < patches)


def _bright() -> Colormap:
    """The colours without their dark part."""
    return LinearSegmentedColormap.from_list("bright", matplotlib.colormaps[_COLOURS](np.linspace(_DARK, 1, 64)))
