"""One slice of a scan as a picture for people: turned upright, one channel, with a grey window.

Letters: I columns, J rows of a picture; C channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.scan.scan import Scan

_WINDOW_PERCENT = (0.5, 99.5)
_LUMINANCE_RGB = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Upright:
    """How the pictures of a scan are turned, windowed and scaled.

    Args:
        flip_i: columns are drawn from right to left.
        flip_j: rows are drawn from bottom to top.
        window: real values drawn black and white.
        spacing_mm: distance of neighbouring pixels along (j, i); (1, 1) where unknown.
    """

    flip_i: bool
    flip_j: bool
    window: tuple[float, float]
    spacing_mm: tuple[float, float]

    @classmethod
    def of(cls, scan: Scan, picture_IJ: NDArray[Any]) -> Upright:
        """Patient's left and back to the right, front and head up, as far as flips can do it.

        Args:
            scan: for orientation and spacing.
            picture_IJ: real values whose 0.5 and 99.5 percentiles become black and white.
        """
        letters, spacing = scan.orientation or "LPS", scan.spacing_mm or (1.0, 1.0, 1.0)
        finite = picture_IJ[np.isfinite(picture_IJ)]
        low, high = np.percentile(finite, _WINDOW_PERCENT) if finite.size else (0.0, 1.0)
        window = float(low), float(high) if high > low else float(low) + 1.0
        return cls(letters[0] in "RA", letters[1] in "AS", window, (spacing[1], spacing[0]))

    def turn(self, picture_IJ: NDArray[Any]) -> NDArray[Any]:
        """The picture (I, J) as rows and columns (J, I), the right way up."""
        step_i, step_j = (-1 if flip else 1 for flip in (self.flip_i, self.flip_j))
        return picture_IJ[::step_i, ::step_j].T


def slice_picture(scan: Scan, t: int, k: int) -> NDArray[Any]:
    """Real values (I, J) of frame `t` of slice `k`: the one channel, or the luminance of a coloured scan."""
    picture_CIJ = scan.values(slice(t, t + 1), slice(k, k + 1))[:, 0, :, :, 0]
    if scan.colour == "rgb" and len(picture_CIJ) == len(_LUMINANCE_RGB):
        return np.tensordot(np.array(_LUMINANCE_RGB, dtype=picture_CIJ.dtype), picture_CIJ, axes=1)
    return picture_CIJ[0]


def middle(scan: Scan) -> tuple[int, int]:
    """Frame and slice in the middle of a scan."""
    return scan.shape[1] // 2, scan.shape[4] // 2
