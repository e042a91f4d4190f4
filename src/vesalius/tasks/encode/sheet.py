"""One slice with the map of its patches: on its pixels, and as pictures.

Letters: J rows and I columns of a slice, H W patches down and across.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vesalius.report.contact import Tile
from vesalius.report.heat import heat_map
from vesalius.scan.colours import in_rgb
from vesalius.scan.scan import Colour, Scan
from vesalius.tasks.encode.slices import Slices
from vesalius.transforms.view import view_of
from vesalius.transforms.window import default_range, to_screen


@dataclass(frozen=True, eq=False)
class Sheet:
    """One slice as it is displayed, and where the encoder's patches lie on it.

    Args:
        picture_JI: 8 bits, (J, I) or in colours (J, I, 3).
        window: real values drawn black and white.
        pixel_aspect: row spacing over column spacing.
        covered: (top, bottom, left, right) edges in pixels of what the patches cover.
        caption: which slice, if there are several, through which window.
    """

    picture_JI: NDArray[np.uint8]
    window: tuple[float, float]
    pixel_aspect: float
    covered: tuple[float, float, float, float]
    caption: str

    @classmethod
    def of(cls, scan: Scan, slices: Slices, number: int, window_hu: tuple[float, float] | None = None) -> Sheet:
        """A slice of a scan.

        Args:
            scan: that the slices are of.
            slices: in the view of the encoder.
            number: of the slice.
            window_hu: drawn black and white, where values are known to be HU; None: the window of the preparation, or
                the default range of the scan where that has none.
        """
        scan = in_rgb(scan)
        low, high = window_hu or slices.prepare.window or default_range(scan)
        colour: Colour = "rgb" if scan.colour == "rgb" else "grey"
        screen_CJI = to_screen(slices.values_BCJI[number : number + 1], colour, (low, high))[0]
        picture = screen_CJI.transpose(1, 2, 0) if len(screen_CJI) > 1 else screen_CJI[0]
        is_shown = slices.prepare.intensity == "shown"  # levels, with square pixels
        is_native = slices.prepare.spacing_mm is None and scan.geometry is not None and not is_shown
        aspect = view_of(scan, slices.prepare.plane, slices.prepare.display).pixel_aspect if is_native else 1.0
        unit = " HU" if window_hu is not None or (scan.intensity.unit == "HU" and not is_shown) else ""
        which = f"slice {number}, " if len(slices) > 1 else ""
        levels = "levels " if is_shown else ""
        caption = f"{which}{levels}{low:.4g} to {high:.4g}{unit}"
        return cls(picture, (low, high), aspect, slices.covered(number), caption)

    def picture(
        self,
        map_HW: NDArray[np.float32],
        name: str,
        mark: tuple[int, int],
        floor: float | None = None,
        empty: str = "",
    ) -> bytes:
        """Return a PNG of the slice alone and under a map of its patches, one of them framed; nothing below a floor."""
        return heat_map(
            self.picture_JI,
            map_HW,
            name,
            caption=self.caption,
            pixel_aspect=self.pixel_aspect,
            mark=mark,
            covered=self.covered,
            floor=floor,
            empty=empty,
        )

    def tile(self, caption: str, *, framed: bool = False) -> Tile:
        """Return the slice alone, for a contact sheet."""
        return Tile(caption, self.picture_JI, self.pixel_aspect, framed)

    def on_pixels(self, map_HW: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the map on the pixels of the slice, (J, I): linear between patch centres, NaN outside."""
        lines = []
        for size, patches, (first, last) in zip(
            self.picture_JI.shape[:2], map_HW.shape, (self.covered[:2], self.covered[2:]), strict=True
        ):
            share = (np.arange(size) - first) / (last - first)
            lines.append(np.where((share >= 0) & (share <= 1), share * patches - 0.5, np.nan))
        places = np.stack(np.meshgrid(*lines, indexing="ij"))
        inside = np.isfinite(places).all(axis=0)
        spread = ndimage.map_coordinates(map_HW, np.nan_to_num(places), order=1, mode="nearest", output=np.float32)
        return np.where(inside, spread, np.float32(np.nan))


def peak(map_HW: NDArray[np.float32]) -> tuple[int, int]:
    """Return (row, column) of the highest patch.

    Example:
        >>> peak(np.array([[0, 1], [3, 2]], np.float32))
        (1, 0)
    """
    row, column = np.unravel_index(int(map_HW.argmax()), map_HW.shape)
    return int(row), int(column)
