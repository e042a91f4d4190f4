"""From real values to what a screen shows: display ranges, windows and colours.

Letters: B pictures, C channel, J rows, I columns.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.scan.colours import ybr_to_rgb
from vesalius.scan.scan import Colour, Scan

SOFT_TISSUE_HU = (-160.0, 240.0)
"""Display range of CT in HU: center 40, width 400."""
WINDOWS_HU = {
    "brain": (0.0, 80.0),
    "soft tissue": SOFT_TISSUE_HU,
    "lung": (-1350.0, 150.0),
    "bone": (-450.0, 1050.0),
}
"""Common windows of CT: name -> HU that are black and white."""
DISPLAY_PERCENT = (0.5, 99.5)
LUMINANCE_RGB = (0.299, 0.587, 0.114)
_MAX_SLICES = 32
"""Number of slices, evenly spread, that are read for percentiles."""


def window(values: NDArray[Any], center: float, width: float) -> NDArray[np.float32]:
    """Map values from center - width / 2 to center + width / 2 to 0 to 1, clipped outside; NaN becomes 0.

    Center and width are in the unit of the values, e.g. HU; the width is above 0.

    >>> window(np.array([-9.0, 40.0, 99.0]), 40, 80)
    array([0. , 0.5, 1. ], dtype=float32)
    """
    low = center - width / 2
    return _scaled(values, low, low + width)


def percentile_range(values: NDArray[Any], low: float, high: float) -> tuple[float, float]:
    """Return percentiles (0 to 100) of the finite values; the upper end is always above the lower."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    bottom, top = (float(end) for end in np.percentile(finite.astype(np.float64), (low, high)))
    return (bottom, top) if top > bottom else (bottom, bottom + 1.0)


def default_range(scan: Scan) -> tuple[float, float]:
    """Return the real values to be drawn black and white if no window is given.

    Colours and bits: the whole range of their type. CT in HU: soft tissue. Everything else: the 0.5 and 99.5
    percentiles of slices spread over the scan.
    """
    if scan.dtype.kind == "b":
        return 0.0, 1.0
    if scan.colour in ("rgb", "ybr") and scan.dtype.kind == "u":
        return 0.0, float(np.iinfo(scan.dtype).max)
    if scan.modality == "CT" and scan.intensity.unit == "HU":
        return SOFT_TISSUE_HU
    frames, slices = scan.shape[1], scan.shape[4]
    count = min(slices, _MAX_SLICES)
    chosen = sorted({round(number) for number in np.linspace(0, slices - 1, count)})
    middle = slice(frames // 2, frames // 2 + 1)
    parts = [scan.values(middle, slice(number, number + 1)).ravel() for number in chosen]
    return percentile_range(np.concatenate(parts), *DISPLAY_PERCENT)


def to_screen(x_BCJI: NDArray[Any], colour: Colour, display_range: tuple[float, float]) -> NDArray[np.uint8]:
    """Return pictures of 8 bits with one channel (grey) or three (RGB).

    "ybr" becomes RGB, "inverted" is turned so that high values are dark, of other "channels" the first is drawn. The
    ends of the display range are the real values drawn black and white. Convert indices of a palette with `in_rgb`
    before.
    """
    if colour in ("rgb", "ybr") and x_BCJI.shape[1] == 3:
        if colour == "ybr":
            x_BCJI = ybr_to_rgb(x_BCJI, 1, *display_range)
        return _bytes(_scaled(x_BCJI, *display_range))
    grey = _scaled(x_BCJI[:, :1], *display_range)
    return _bytes(1 - grey if colour == "inverted" else grey)


def to_grey(x_BCJI: NDArray[Any], colour: Colour) -> NDArray[Any]:
    """Return one channel x_BJI in real values: the luminance of "rgb", else the first channel."""
    if colour == "rgb" and x_BCJI.shape[1] == 3:
        return np.einsum("bcji,c->bji", x_BCJI, np.array(LUMINANCE_RGB, dtype=x_BCJI.dtype))
    return x_BCJI[:, 0]


def _scaled(values: NDArray[Any], low: float, high: float) -> NDArray[np.float32]:
    clipped = np.clip(np.nan_to_num(values.astype(np.float32), nan=low, posinf=high, neginf=low), low, high)
    return ((clipped - low) / (high - low)).astype(np.float32)


def _bytes(shares: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(shares * 255).astype(np.uint8)
