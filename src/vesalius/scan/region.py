"""A rectangle of a picture, a slice or a slide.

Letters: C channel, T time, I J K voxel axes (I columns, J rows).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import InputError
from vesalius.scan.geometry import Affine
from vesalius.scan.pixels import ALL, Pixels
from vesalius.scan.scan import Scan
from vesalius.scan.stack import SliceStack

_NUMBER = r"\d{1,9}"
_TEXT = re.compile(
    rf"region/(?P<box>{_NUMBER},{_NUMBER},{_NUMBER},{_NUMBER})(/(?P<size>{_NUMBER}x{_NUMBER}))?", re.ASCII
)


@dataclass(frozen=True)
class Region:
    """A rectangle in pixels of the picture, or of level 0 of a whole-slide image.

    Args:
        x: first column.
        y: first row.
        width: number of columns.
        height: number of rows.
        size: columns and rows at which the region of a whole-slide image is read; None: a region of another scan, which
            is never resampled.

    Example:
        >>> region = Region.parse("region/0,448,448,448/224x224")
        >>> region.size, region.text
        ((224, 224), 'region/0,448,448,448/224x224')
    """

    x: int
    y: int
    width: int
    height: int
    size: tuple[int, int] | None = None

    @classmethod
    def parse(cls, text: str) -> Region | None:
        """Return the region of a text such as "region/10,20,64,64"; None for other texts and for empty regions."""
        match = _TEXT.fullmatch(text)
        if match is None:
            return None
        x, y, width, height = map(int, match["box"].split(","))
        size = None if match["size"] is None else tuple(map(int, match["size"].split("x")))
        if 0 in (width, height, *(size or ())):
            return None
        return cls(x, y, width, height, None if size is None else (size[0], size[1]))

    @property
    def text(self) -> str:
        """Form in which a path of a case names the region."""
        end = "" if self.size is None else f"/{self.size[0]}x{self.size[1]}"
        return f"region/{self.x},{self.y},{self.width},{self.height}{end}"

    def check_inside(self, columns: int, rows: int, where: Path | None = None) -> None:
        """Raise InputError where the region reaches beyond a picture of this size; `where` is its file."""
        if self.x + self.width > columns or self.y + self.height > rows:
            what = f"{self.text} reaches beyond its {columns} x {rows} pixels"
            raise InputError(what, where=where, fix="build the manifest again")


@dataclass(frozen=True, eq=False)
class RegionPixels:
    """A rectangle of other pixels, still read lazily."""

    whole: Pixels
    region: Region

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        c, t, _, _, k = self.whole.shape
        return c, t, self.region.width, self.region.height, k

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.whole.dtype

    @property
    def direct(self) -> bool:
        return self.whole.direct

    def read(self, t: slice = ALL, k: slice = ALL) -> NDArray[Any]:
        x, y = self.region.x, self.region.y
        return self.whole.read(t, k)[:, :, x : x + self.region.width, y : y + self.region.height]


def crop(scan: Scan, region: Region, where: Path | None = None) -> Scan:
    """Return a region of a scan, through all of its slices and frames; the pixels keep their world positions (RAS+ mm).

    Args:
        scan: the scan.
        region: columns and rows to keep; its size is not used.
        where: file of the scan, for messages.

    Raises:
        InputError: the region reaches beyond the scan.

    Example:
        >>> picture = Scan.from_array(np.arange(12).reshape(4, 3, 1), np.eye(4))
        >>> part = crop(picture, Region(1, 2, 3, 1))
        >>> part.stored()[0, 0, :, :, 0].tolist(), part.affine[:2, 3].tolist()
        ([[5], [8], [11]], [1.0, 2.0])
    """
    region.check_inside(scan.shape[2], scan.shape[3], where)
    pixels = RegionPixels(scan.pixels, region)
    return replace(scan, pixels=pixels, geometry=_moved(scan.geometry, region.x, region.y), native=None)


def _moved(geometry: Affine | SliceStack | None, x: int, y: int) -> Affine | SliceStack | None:
    if isinstance(geometry, SliceStack):
        return replace(geometry, origins_K3=geometry.origins_K3 + x * geometry.steps_i_K3 + y * geometry.steps_j_K3)
    if geometry is None:
        return None
    moved = geometry.copy()
    moved[:3, 3] += x * geometry[:3, 0] + y * geometry[:3, 1]
    return moved
