"""One picture file: its head, its pixels, writing TIFF. Pillow reads 8 bits, imagecodecs and tifffile 16 bits a sample.

Letters: C channel, K page, J row, I column.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import InputError, VesaliusError

MAX_PIXELS = 1 << 28
"""A picture that claims more pixels (all pages) is refused: it is damaged, or needs a whole-slide reader."""
_CHANNELS = {"1": 1, "L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "P": 3, "PA": 4, "I;16": 1, "I;16B": 1}
_READ_AS = {"1": "L", "P": "RGB", "PA": "RGBA"}
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_EXIF_ORIENTATION = 274
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class PictureHead:
    """What a picture file says of itself.

    Args:
        channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA.
        pages: 1 but for multi-page TIFF.
        rows: height in pixels.
        columns: width in pixels.
        dtype: stored dtype.
        bilevel: one bit a pixel (read as 0 and 255).
        notes: what a careful reader should know.
    """

    channels: int
    pages: int
    rows: int
    columns: int
    dtype: np.dtype[Any]
    bilevel: bool = False
    notes: tuple[str, ...] = ()


def head(path: Path) -> PictureHead:
    """Read the head of a picture file.

    Raises:
        InputError: damaged, too large, or of a kind that is not read.
    """
    found = _guarded(path, _tiff_head if _is_tiff(path) else _picture_head)
    if found.rows * found.columns * found.pages > MAX_PIXELS:
        raise InputError(f"claims {found.columns} x {found.rows} x {found.pages} pixels, too many", where=path)
    return found


def decode(path: Path) -> NDArray[Any]:
    """All pixels of a picture file, shape (C, K, J, I).

    Raises:
        InputError: damaged.
    """
    head(path)  # refuses what is too large before memory is taken
    array_KJIC = _guarded(path, _tiff_pixels if _is_tiff(path) else _picture_pixels)
    if array_KJIC.ndim != 4:
        raise InputError("its pixels are not what its head says", where=path, fix="check that the copy is complete")
    return array_KJIC.transpose(3, 0, 1, 2)


def write_tiff(array_KJIC: NDArray[Any], path: Path) -> None:
    """Write pages (K, J, I, C) as a deflated TIFF."""
    import tifffile

    channels = array_KJIC.shape[3]
    pages = array_KJIC[..., 0] if channels == 1 else array_KJIC
    photometric = "rgb" if channels in (3, 4) else "minisblack"
    planar = "contig" if channels > 1 else None
    tifffile.imwrite(path, pages, photometric=photometric, planarconfig=planar, compression="zlib", metadata=None)


def _is_tiff(path: Path) -> bool:
    return path.suffix.lower() in (".tif", ".tiff")


def _guarded(path: Path, read: Callable[[Path], _Result]) -> _Result:
    """Call a library on a file that may be damaged; its warnings and log lines are not the user's business."""
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return read(path)
    except VesaliusError:
        raise
    except FileNotFoundError as error:
        raise InputError("no such file", where=path) from error
    except Exception as error:  # picture libraries raise nearly anything
        reason = str(error).strip().splitlines()
        what = f"cannot be read as a picture ({(reason[0] if reason else type(error).__name__)[:120]})"
        raise InputError(
            what.replace(str(path), path.name), where=path, fix="check that the copy is complete"
        ) from error


def _picture_head(path: Path) -> PictureHead:
    from PIL import Image

    with Image.open(path) as image:
        columns, rows = image.size
        notes = []
        if image.getexif().get(_EXIF_ORIENTATION, 1) != 1:
            notes.append("the EXIF orientation is not applied")
        if image.mode in ("P", "PA"):
            notes.append("palette colours are expanded to RGB")
        deep = _deep_png_channels(path)
        if deep:
            return PictureHead(deep, 1, rows, columns, np.dtype(np.uint16), notes=tuple(notes))
        if image.mode not in _CHANNELS:
            raise InputError(f"pictures of mode {image.mode} are not read", where=path, fix="convert it to RGB or grey")
        if getattr(image, "n_frames", 1) > 1:
            notes.append("only the first picture of the animation is read")
        dtype = np.dtype(np.uint16 if image.mode.startswith("I;16") else np.uint8)
        return PictureHead(_CHANNELS[image.mode], 1, rows, columns, dtype, image.mode == "1", tuple(notes))


def _picture_pixels(path: Path) -> NDArray[Any]:
    """(1, J, I, C)."""
    if _deep_png_channels(path):
        import imagecodecs

        array = imagecodecs.png_decode(path.read_bytes())
    else:
        from PIL import Image

        with Image.open(path) as image:
            array = np.asarray(image.convert(_READ_AS.get(image.mode, image.mode)))
    return array[None, ..., None] if array.ndim == 2 else array[None]


def _deep_png_channels(path: Path) -> int:
    """Channels of a PNG with 16 bits a sample, else 0. Pillow would cut coloured ones down to 8 bits."""
    with path.open("rb") as file:
        start = file.read(26)
    if len(start) < 26 or not start.startswith(_PNG_SIGNATURE) or start[24] != 16:
        return 0
    return _PNG_CHANNELS.get(start[25], 0)


def _tiff_head(path: Path) -> PictureHead:
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        pages = list(tiff.pages)
        shapes = {(page.shape, page.axes, page.dtype) for page in pages}
        if len(shapes) != 1 or not pages:
            raise InputError(f"its {len(pages)} pages differ in size or type", where=path)
        ((shape, axes, dtype),) = shapes
        if dtype is None or axes not in ("YX", "YXS", "SYX"):
            raise InputError(f"TIFF axes {axes} are not read", where=path)
        sizes = dict(zip(axes, shape, strict=True))
        return PictureHead(sizes.get("S", 1), len(pages), sizes["Y"], sizes["X"], np.dtype(dtype).newbyteorder("="))


def _tiff_pixels(path: Path) -> NDArray[Any]:
    """(K, J, I, C)."""
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        pages = [page.asarray() for page in tiff.pages]
        axes = tiff.pages.first.axes
    stacked = np.stack(pages)
    stacked = stacked[..., None] if axes == "YX" else stacked
    native = stacked.transpose(0, 2, 3, 1) if axes == "SYX" else stacked
    return native.astype(native.dtype.newbyteorder("="), copy=False)
