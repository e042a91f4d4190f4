"""Where a slide holds tissue, and the tiles that cover it.

Letters: J rows, I columns, C channel (RGB).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from vesalius.scan.region import Region
from vesalius.scan.slides.slide import Slide

THUMBNAIL = 2048
"""Longer side in pixels of the picture on which tissue is searched."""
_LEAST_SATURATION, _MOST_SATURATION = 0.05, 0.2
"""Bounds of Otsu's threshold: on a slide without tissue, or with nothing else, it would divide noise."""
_LEAST_BRIGHTNESS = 0.1
"""Darker pixels (the frame, ink, places that were not scanned) have no meaningful saturation."""
_SMOOTHING_PIXELS = 1.5


def tissue_mask(x_JIC: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where a thumbnail (J, I, RGB) of a stained slide shows tissue.

    Saturation (HSV) is smoothed and divided by Otsu's threshold (Otsu 1979, doi:10.1109/TSMC.1979.4310076), which is
    kept between two bounds.
    """
    from skimage.filters import threshold_otsu

    high = x_JIC.max(axis=2).astype(np.float32) / 255
    low = x_JIC.min(axis=2).astype(np.float32) / 255
    bright = high >= _LEAST_BRIGHTNESS
    saturation = np.where(bright, (high - low) / np.maximum(high, _LEAST_BRIGHTNESS), 0)
    saturation = gaussian_filter(saturation, _SMOOTHING_PIXELS)
    is_flat = saturation.min() == saturation.max()
    threshold = 0.0 if is_flat else float(threshold_otsu(saturation))
    mask: NDArray[np.bool_] = (saturation > np.clip(threshold, _LEAST_SATURATION, _MOST_SATURATION)) & bright
    return mask


def tissue_tiles(
    slide: Slide, um_per_pixel: tuple[float, float], wished_um: float, tile: int, least: float
) -> list[Region]:
    """Return the squares of a grid over a slide that hold enough tissue, row by row.

    Args:
        slide: the slide.
        um_per_pixel: of its level 0, along columns and rows.
        wished_um: micrometres per pixel of a tile.
        tile: pixels along a side of a tile.
        least: share of a tile that must be tissue.

    Raises:
        InputError: its thumbnail cannot be read.
    """
    width, height = (max(1, round(tile * wished_um / step)) for step in um_per_pixel)
    columns, rows = slide.size
    if width > columns or height > rows:
        return []
    mask = tissue_mask(slide.thumbnail(THUMBNAIL))
    sums = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), np.int64)
    sums[1:, 1:] = mask.cumsum(axis=0).cumsum(axis=1)
    scale_y, scale_x = mask.shape[0] / rows, mask.shape[1] / columns
    return [
        Region(x, y, width, height, (tile, tile))
        for y in _starts(rows, tile * wished_um / um_per_pixel[1], height)
        for x in _starts(columns, tile * wished_um / um_per_pixel[0], width)
        if _share(sums, (y * scale_y, (y + height) * scale_y), (x * scale_x, (x + width) * scale_x)) >= least
    ]


def _starts(length: int, step: float, side: int) -> Iterator[int]:
    """Yield the first pixels of the tiles that lie whole within a length."""
    for number in range(math.ceil(length / step)):
        start = round(number * step)
        if start + side <= length:
            yield start


def _share(sums: NDArray[np.int64], rows: tuple[float, float], columns: tuple[float, float]) -> float:
    """Return the share of tissue in a rectangle of the mask, of which `sums` is the summed-area table."""
    top, bottom = math.floor(rows[0]), math.ceil(rows[1])
    left, right = math.floor(columns[0]), math.ceil(columns[1])
    bottom, right = min(bottom, sums.shape[0] - 1), min(right, sums.shape[1] - 1)
    tissue = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    return float(tissue) / ((bottom - top) * (right - left))
