"""Lossless writing of PNG and TIFF files. Letters: J rows, I columns, C channel, K pages."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Photometric = Literal["minisblack", "miniswhite", "rgb"]

_BIG = 4_000_000_000
"""Size in bytes from which a TIFF file gets 64-bit offsets."""


def fits_png(dtype: np.dtype[Any], channels: int) -> bool:
    """True where PNG can hold such pictures: 8 or 16 bits of 1 to 4 channels (grey, alpha), or one channel of bits."""
    if dtype.kind == "b":
        return channels == 1
    return dtype.kind == "u" and dtype.itemsize <= 2 and 1 <= channels <= 4


def write_png(path: Path, x_JIC: NDArray[Any]) -> None:
    """Write one picture; `fits_png` must hold. Two channels are grey and alpha, three RGB, four RGB and alpha."""
    picture = np.ascontiguousarray(x_JIC[..., 0] if x_JIC.shape[2] == 1 else x_JIC)
    if picture.dtype.kind == "b":
        from PIL import Image

        Image.fromarray(picture).save(path, format="PNG")
        return
    import imagecodecs

    path.write_bytes(imagecodecs.png_encode(picture.astype(picture.dtype.newbyteorder("="))))


def write_tiff(
    path: Path, pages_JIC: Iterable[NDArray[Any]], size: int, *, photometric: Photometric, byteorder: str = "<"
) -> None:
    """Write pages of any integer, float or complex type, deflated; `size` is the bytes of all values together."""
    from tifffile import TiffWriter

    with TiffWriter(path, bigtiff=size > _BIG, byteorder="<" if byteorder == "<" else ">") as file:
        for page in pages_JIC:
            picture = np.ascontiguousarray(page[..., 0] if page.shape[2] == 1 else page)
            file.write(
                picture.astype(picture.dtype.newbyteorder("=")),
                photometric=photometric,
                planarconfig=None if picture.ndim == 2 else "contig",
                compression=None if picture.dtype.kind == "b" else "zlib",
                metadata=None,
            )


def photometric_of(colour: str) -> Photometric:
    """Return the TIFF name of the colours of a scan."""
    return "rgb" if colour == "rgb" else "miniswhite" if colour == "inverted" else "minisblack"
