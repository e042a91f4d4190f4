"""The levels that a viewer shows for a scan, from 0 (black) to 1 (white), by what its file states.

A radiograph as DICOM and the JPEG that was made from it differ by a window, by inverted values and by the shape of
pixels. Seen through their files' own statements they are nearly the same picture, so a net may learn from one and be
used on the other.

Letters: C channel, T time, I J K voxel axes; B pictures, J rows, I columns.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.scan.scan import Scan
from vesalius.transforms.resize import resized, resized_labels


def shown(scan: Scan, values_CTIJK: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the levels of finite real values of a scan.

    The window or lookup table of the file decides (`Scan.display_state`). Without one, unsigned 8-bit values run from 0
    to 255, and of all other values the least of the scan is black and the largest white; pixels of padding do not
    count. Where low values are bright (MONOCHROME1) the levels are turned. Padding is black.

    Example:
        >>> scan = Scan.from_array(np.array([[[0], [51]]], np.uint8))
        >>> shown(scan, scan.values()).ravel()
        array([0. , 0.2], dtype=float32)
    """
    padding = scan.display_state.padding
    outside = np.zeros(values_CTIJK.shape, bool)
    if padding is not None:
        outside = (values_CTIJK >= padding[0]) & (values_CTIJK <= padding[1])
    if scan.display_state.voi is not None:
        levels = scan.display_state.voi.levels(values_CTIJK)
    elif scan.dtype == np.uint8 and scan.intensity.is_identity:
        levels = values_CTIJK / np.float64(255)
    else:
        levels = _over_range(values_CTIJK, values_CTIJK[~outside])
    if scan.colour == "inverted":
        levels = 1 - levels
    levels[outside] = 0
    return levels.astype(np.float32)


def squared(x_BCJI: NDArray[Any], pixel_aspect: float, *, labels: bool = False) -> NDArray[Any]:
    """Return pictures with square pixels, the coarser axis interpolated; labels by nearest neighbour.

    Args:
        x_BCJI: pictures.
        pixel_aspect: row spacing over column spacing.
        labels: the pictures are label maps.
    """
    rows, columns = x_BCJI.shape[2:]
    size = [round(rows * max(pixel_aspect, 1)), round(columns * max(1 / pixel_aspect, 1))]
    if size == [rows, columns]:
        return x_BCJI
    pictures = [resized_labels(x_CJI, size) if labels else resized(x_CJI, size, "linear") for x_CJI in x_BCJI]
    return np.stack(pictures)


def _over_range(values: NDArray[np.float32], inside: NDArray[np.float32]) -> NDArray[np.float64]:
    if not inside.size:
        return np.zeros(values.shape)
    low, high = float(inside.min()), float(inside.max())
    return np.clip((values.astype(np.float64) - low) / ((high - low) or 1.0), 0, 1)
