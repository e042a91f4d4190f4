"""The cells of native Pixel Data as stored in the file, before any bit is masked.

A cell has BitsAllocated bits; its value is in the low BitsStored of them. Old archives keep overlays in the bits
above, and some writers place the value there (HighBit). Readers mask these bits, so this module reads them.

Letters: N frames of an instance, J rows, I columns, C samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import UID, ExplicitVRBigEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless

from vesalius.files import regular
from vesalius.scan.dicom.element import PixelElement, read_span
from vesalius.scan.dicom.header import open_stream

HIGH_BITS = "high_bits"
"""Name of the attachment with the high bits."""


def cells(path: Path, element: PixelElement) -> NDArray[Any] | None:
    """Read the cells (N, J, I, C) of an instance, unsigned and little endian; None where compressed or packed."""
    big, size = element.syntax == ExplicitVRBigEndian, element.bits_allocated // 8
    if element.is_compressed or not size:
        return None
    if element.photometric == "YBR_FULL_422" or (big and size == 1 and element.vr == "OW"):
        return None
    shape = (element.frames, element.rows, element.columns, element.samples)
    with regular(path).open("rb") as file:
        stream = open_stream(file, file.read(4096))
        stream.seek(element.offset)
        data = np.frombuffer(stream.read(math.prod(shape) * size), f"{'>' if big else '<'}u{size}")
    flat = data.astype(f"<u{size}", copy=False)
    if element.planar and element.samples > 1:
        return flat.reshape(shape[0], shape[3], shape[1], shape[2]).transpose(0, 2, 3, 1)
    return flat.reshape(shape)


@dataclass(frozen=True)
class HighBits:
    """Exclusive or of cells and values; number of pixels whose bits are neither the sign nor zero, as in overlays."""

    difference_NJIC: NDArray[Any]
    foreign: int


def high_bits(path: Path, element: PixelElement, picked: Sequence[int] | None = None) -> HighBits | None:
    """Return the bits above BitsStored of the frames `picked` (None: all); None where the values determine them."""
    if element.keyword != "PixelData" or element.bits_stored == element.bits_allocated:
        return None
    cells_NJIC = cells(path, element)
    if cells_NJIC is None:
        return None
    if picked is not None:
        cells_NJIC = cells_NJIC[list(picked)]
    difference = cells_NJIC ^ values(cells_NJIC, element).view(cells_NJIC.dtype)
    if not difference.any():
        return None
    return HighBits(difference, int(np.count_nonzero((difference != 0) & (cells_NJIC >> element.bits_stored != 0))))


def values(cells_NJIC: NDArray[Any], element: PixelElement) -> NDArray[Any]:
    """Return the values in the low BitsStored bits of cells, signed where the file says so."""
    if element.keyword != "PixelData":
        return np.ascontiguousarray(cells_NJIC).view(element.dtype)
    unused = 8 * cells_NJIC.dtype.itemsize - element.bits_stored
    shifted = (np.ascontiguousarray(cells_NJIC) << unused).view(element.dtype)
    return np.right_shift(shifted, unused, out=shifted)


def decode_again(path: Path, element: PixelElement) -> tuple[NDArray[Any], str] | None:
    """Decode losslessly compressed frames (N, J, I, C) with a second decoder; None where there is none."""
    decode = {RLELossless: "dicomrle", JPEGLSLossless: "jpegls", JPEG2000Lossless: "jpeg2k"}.get(UID(element.syntax))
    if decode is None or (element.samples > 1 and decode != "dicomrle"):
        return None  # decoders may treat colours differently
    import imagecodecs

    frames = []
    with regular(path).open("rb") as file:
        for spans in element.spans:
            data = b"".join(read_span(file, span) for span in spans)
            if decode == "dicomrle":
                planes = np.frombuffer(imagecodecs.dicomrle_decode(data, element.dtype), element.dtype)
                frame = planes.reshape(element.samples, element.rows, element.columns).transpose(1, 2, 0)
            else:
                frame = np.asarray(getattr(imagecodecs, f"{decode}_decode")(data))
            cells_JIC = frame.astype(f"<u{element.dtype.itemsize}")
            frames.append(values(cells_JIC.reshape(element.rows, element.columns, element.samples), element))
    return np.stack(frames), "imagecodecs"
