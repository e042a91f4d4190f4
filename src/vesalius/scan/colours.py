"""Conversion of the colours of a scan to red, green and blue, for everything that shows or writes a picture.

Letters: C channel, T time, I J K voxel axes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import UsageError
from vesalius.scan.pixels import ALL, Pixels
from vesalius.scan.scan import Scan

_RED, _GREEN, _BLUE = 0.299, 0.587, 0.114
"""Shares of the luminance Y (ITU-R BT.601)."""
_YBR_RGB = np.array(
    [
        [1, 0, 2 - 2 * _RED],
        [1, -(2 - 2 * _BLUE) * _BLUE / _GREEN, -(2 - 2 * _RED) * _RED / _GREEN],
        [1, 2 - 2 * _BLUE, 0],
    ]
)
"""Rows R, G, B; columns Y, Cb, Cr of full range with centred chroma (DICOM PS3.3 C.7.6.3.1.2)."""


@dataclass(frozen=True, eq=False)
class RgbPixels:
    """Y, Cb, Cr converted to red, green and blue, or palette indices where `palette_N3` gives their colours."""

    whole: Pixels
    palette_N3: NDArray[np.unsignedinteger[Any]] | None = None
    direct = False

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        return 3, *self.whole.shape[1:]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.whole.dtype if self.palette_N3 is None else self.palette_N3.dtype

    def read(self, t: slice = ALL, k: slice = ALL) -> NDArray[Any]:
        stored = self.whole.read(t, k)
        if self.palette_N3 is not None:
            inside = np.minimum(stored[0], len(self.palette_N3) - 1)
            return np.moveaxis(self.palette_N3[inside], -1, 0)
        rgb = ybr_to_rgb(stored, 0, 0, float(np.iinfo(self.dtype).max))
        return np.floor(rgb + 0.5).astype(self.dtype)


def in_rgb(scan: Scan) -> Scan:
    """Return a scan of Y, Cb, Cr or palette indices in red, green and blue; any other scan unchanged.

    The result notes the conversion among its problems and is no longer tied to its source file.

    Raises:
        UsageError: the palette is unknown, or the values cannot be such colours.
    """
    if scan.colour not in ("ybr", "palette"):
        return scan
    is_palette = scan.colour == "palette"
    if is_palette and scan.palette_N3 is None:
        what = "the palette of these indices is unknown, so they cannot be shown"
        raise UsageError(what, fix="use the original file; vesalius decompress restores that of a .vsl file")
    channels = 1 if is_palette else 3
    if scan.dtype.kind != "u" or scan.shape[0] != channels or not scan.intensity.is_identity:
        what = f"{scan.shape[0]} channel(s) of {scan.dtype.name} are not {scan.colour} colours"
        raise UsageError(what, fix="skip the scan")
    note = "palette colours are converted to RGB" if is_palette else "YBR colours are converted to RGB"
    return replace(
        scan,
        pixels=RgbPixels(scan.pixels, scan.palette_N3),
        colour="rgb",
        palette_N3=None,
        problems=(*scan.problems, note),
        native=None,
    )


def ybr_to_rgb(ybr: NDArray[Any], axis: int, low: float, high: float) -> NDArray[np.float64]:
    """Convert Y, Cb, Cr along one axis to red, green, blue from `low` to `high`; zero chroma is 128 of 0 to 255."""
    y, cb, cr = np.moveaxis(ybr.astype(np.float64), axis, 0)
    centre = low + (high - low + 1) // 2
    rgb = np.tensordot(_YBR_RGB, np.stack([y, cb - centre, cr - centre]), 1)
    return np.clip(np.moveaxis(rgb, 0, axis), low, high)


def narrow_palette(table: NDArray[np.unsignedinteger[Any]]) -> NDArray[np.unsignedinteger[Any]]:
    """Return a 16-bit palette with 8 bits where it holds no more: the same byte twice, or only high bytes."""
    if table.dtype.itemsize == 1:
        return table
    if (table % 257 == 0).all():
        return (table // 257).astype(np.uint8)
    return (table >> 8).astype(np.uint8) if not (table & 255).any() else table.astype(np.uint16)
