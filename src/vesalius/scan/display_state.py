"""How the source of a scan wants it shown on a screen: facts of the file, applied by `vesalius.transforms.shown`.

DICOM states them (PS3.3 C.11.2, VOI lookup table module): a window or a lookup table from real values to grey levels,
the value of pixels outside the picture, and for projections the shape of a pixel and the direction of its rows. Files
of other formats state none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

VoiFunction = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]


@dataclass(frozen=True)
class VoiWindow:
    """Center and width in real values, and the function between black and white.

    LINEAR counts whole values: its darkest and brightest levels lie width - 1 apart, and the width is at least 1.

    Example:
        >>> VoiWindow(2048, 4096).levels(np.array([0.0, 4095.0, 5000.0]))
        array([0., 1., 1.])
    """

    center: float
    width: float
    function: VoiFunction = "LINEAR"

    def levels(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return levels from 0 (black) to 1 (white)."""
        x = values.astype(np.float64)
        if self.function == "SIGMOID":
            with np.errstate(over="ignore"):  # exp of a far value is infinite, its level 0
                levels: NDArray[np.float64] = 1 / (1 + np.exp(-4 * (x - self.center) / self.width))
            return levels
        center, width = (self.center - 0.5, self.width - 1) if self.function == "LINEAR" else (self.center, self.width)
        if width == 0:
            return (x > center).astype(np.float64)
        return np.clip((x - center) / width + 0.5, 0, 1)

    def __str__(self) -> str:
        return f"window {self.center:g} / {self.width:g} {self.function}"


@dataclass(frozen=True)
class VoiTable:
    """A lookup table: the level of each whole value from `first` on; values beyond its ends take its end levels.

    Args:
        first: real value of the first entry.
        bits: bits of an entry: level = entry / (2 ** bits - 1).
        entries: little-endian uint16, one after the other.
    """

    first: int
    bits: int
    entries: bytes

    def levels(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return levels from 0 (black) to 1 (white)."""
        table = np.frombuffer(self.entries, "<u2") / ((1 << self.bits) - 1)
        places = np.clip(np.rint(values.astype(np.float64)) - self.first, 0, len(table) - 1)
        levels: NDArray[np.float64] = np.minimum(table, 1.0)[places.astype(np.int64)]
        return levels

    def __str__(self) -> str:
        return f"lookup table of {len(self.entries) // 2} entries from {self.first}"


@dataclass(frozen=True)
class DisplayState:
    """What a file states about showing its picture; None where it states nothing.

    Args:
        voi: the window or table; of several the first, and a table before a window.
        padding: least and largest real value of pixels outside the picture, which are black.
        pixel_aspect: row spacing over column spacing of a projection: how much taller than wide a pixel is.
        directions: patient's side that the end of a row and the end of a column of a projection point to, such as
            ("L", "F"), F for the feet.
    """

    voi: VoiWindow | VoiTable | None = None
    padding: tuple[float, float] | None = None
    pixel_aspect: float = 1.0
    directions: tuple[str, str] | None = None


NOTHING_STATED = DisplayState()
