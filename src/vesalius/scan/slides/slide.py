"""A whole-slide image: its pyramid of levels, and regions of it at the wished resolution.

Letters: J rows, I columns, C channel (RGB).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vesalius.errors import InputError, MissingExtraError
from vesalius.files import regular
from vesalius.memory import check_memory
from vesalius.scan.damage import COPY_FIX
from vesalius.scan.pixels import ALL
from vesalius.scan.region import Region
from vesalius.scan.scan import Scan

SLIDES = (".svs", ".ndpi", ".mrxs", ".scn", ".bif", ".vms", ".vmu", ".svslide")
"""Suffixes of whole-slide images. TIFF files may be some, too."""
_ROUNDING = 1.01
"""Levels are a little off the power of two: one that is 1 % coarser than wished counts as fine enough."""
_MOST_PIXELS = 1 << 20
"""Along a side: a glass slide of 75 mm has fewer at 0.1 um per pixel."""
_BYTES_PER_PIXEL = 4 + 3
"""Of a region while its transparency is resolved."""


@dataclass(frozen=True, eq=False)
class Slide:
    """A whole-slide image, opened.

    Args:
        path: the file.
        size: columns and rows of level 0.
        downsamples: of each level, from level 0 on.
        um_per_pixel: size of a pixel of level 0 along columns and rows, None where the file does not state it.
        handle: the object of openslide.
    """

    path: Path
    size: tuple[int, int]
    downsamples: tuple[float, ...]
    um_per_pixel: tuple[float, float] | None
    handle: Any = field(repr=False)

    def read(self, region: Region) -> NDArray[np.uint8]:
        """Return a region as (J, I, C): `region.size`, else as many pixels as it has on level 0.

        The pixels come from the coarsest level that is at least as fine as wished, and are then averaged (a triangle
        as wide as the step) to the size. What the scanner left out has the slide's background colour.

        Raises:
            InputError: the region reaches beyond the slide, does not fit into memory, or is damaged.
        """
        region.check_inside(*self.size, self.path)
        columns, rows = region.size or (region.width, region.height)
        wished = min(region.width / columns, region.height / rows)
        level = max(n for n, step in enumerate(self.downsamples) if n == 0 or step <= wished * _ROUNDING)
        step = self.downsamples[level]
        width, height = (max(1, round(length / step)) for length in (region.width, region.height))
        needed = width * height * _BYTES_PER_PIXEL + columns * rows * 3
        check_memory(needed, self.path, instead="store the slide with smaller levels (a pyramid)")
        rgba = self._read_level((region.x, region.y), level, (width, height))
        flat = Image.new("RGB", rgba.size, self._background())
        flat.paste(rgba, mask=rgba.getchannel("A"))
        if flat.size != (columns, rows):
            flat = flat.resize((columns, rows), Image.Resampling.BILINEAR)
        return np.array(flat)

    def thumbnail(self, longest: int) -> NDArray[np.uint8]:
        """Return the whole slide as (J, I, C), its longer side `longest` pixels at most.

        Raises:
            InputError: damaged, or without a level that is small enough for the memory.
        """
        shrink = max(1.0, max(self.size) / longest)
        size = (max(1, round(self.size[0] / shrink)), max(1, round(self.size[1] / shrink)))
        return self.read(Region(0, 0, *self.size, size))

    def _read_level(self, place: tuple[int, int], level: int, size: tuple[int, int]) -> Image.Image:
        try:
            image: Image.Image = self.handle.read_region(place, level, size)
        except Exception as error:  # openslide refuses every further read of this object
            open_slide_at.cache_clear()
            raise InputError("its pixels cannot be decoded", where=self.path, fix=COPY_FIX) from error
        return image

    def _background(self) -> str:
        return f"#{self.handle.properties.get('openslide.background-color', 'FFFFFF')}"


@dataclass(frozen=True, eq=False)
class TilePixels:
    """One region of a slide as pixels (3, 1, I, J, 1), decoded on every read."""

    slide: Slide
    region: Region
    direct = False

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        columns, rows = self.region.size or (self.region.width, self.region.height)
        return 3, 1, columns, rows, 1

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint8)

    def read(self, t: slice = ALL, k: slice = ALL) -> NDArray[Any]:
        return self.slide.read(self.region).transpose(2, 1, 0)[:, None, :, :, None][:, t, :, :, k]


def read_tile(path: Path, region: Region) -> Scan:
    """Open a region of a whole-slide image; the slide stays open for the next one.

    Raises:
        InputError: no whole-slide image, or the region reaches beyond it.
        MissingExtraError: openslide is not installed.
    """
    slide = open_slide(path)
    region.check_inside(*slide.size, path)
    return Scan(pixels=TilePixels(slide, region), colour="rgb")


def open_slide(path: Path) -> Slide:
    """Open a whole-slide image of any format that openslide knows, tiled TIFF included.

    Raises:
        InputError: no such file, damaged, or no whole-slide image.
        MissingExtraError: openslide is not installed.
    """
    try:
        stat = regular(path).stat()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from error
    return open_slide_at(path, stat.st_mtime_ns, stat.st_size)


def is_slide(path: Path) -> bool:
    """Whether openslide recognises a file; a damaged file may still fail to open.

    Raises:
        MissingExtraError: openslide is not installed.
    """
    return _openslide().OpenSlide.detect_format(str(regular(path))) is not None


@lru_cache(maxsize=8)
def open_slide_at(path: Path, changed_ns: int, size: int) -> Slide:
    """Open a slide once while its file is unchanged (`changed_ns`, `size`)."""
    openslide = _openslide()
    try:
        handle = openslide.OpenSlide(str(regular(path)))
        levels, downsamples = handle.level_dimensions, handle.level_downsamples
        properties = handle.properties
        steps = [_positive(properties.get(f"openslide.mpp-{axis}")) for axis in "xy"]
    except openslide.OpenSlideUnsupportedFormatError as error:
        raise InputError("is no whole-slide image that openslide can read", where=path, fix=COPY_FIX) from error
    except openslide.OpenSlideError as error:
        raise InputError("is a damaged whole-slide image", where=path, fix=COPY_FIX) from error
    if min(min(level) for level in levels) < 1 or max(levels[0]) > _MOST_PIXELS:
        shown = " x ".join(map(str, levels[0]))
        raise InputError(f"states an impossible size ({shown} pixels at level 0)", where=path, fix=COPY_FIX)
    x, y = steps
    return Slide(path, levels[0], tuple(downsamples), None if x is None or y is None else (x, y), handle)


def _positive(text: str | None) -> float | None:
    try:
        value = float(text or "nothing")
    except ValueError:
        return None
    return value if value > 0 and math.isfinite(value) else None


def _openslide() -> Any:
    try:
        import openslide
    except ImportError as error:
        raise MissingExtraError("openslide, which reads whole-slide images, is not installed", extra="wsi") from error
    return openslide
