"""The palette of PALETTE COLOR pictures: the colour of every stored value."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut

from vesalius.scan.colours import narrow_palette
from vesalius.scan.dicom.element import PixelElement

_MOST_BITS = 16


def read_palette(data: Dataset, pixels: PixelElement) -> NDArray[np.unsignedinteger[Any]] | None:
    """Colours [2 ** bits stored, RGB], segmented tables unpacked; None where the palette is missing or damaged."""
    if pixels.signed or not 1 <= pixels.bits_stored <= _MOST_BITS:
        return None
    stored = np.arange(1 << pixels.bits_stored, dtype=np.uint16)
    try:
        table = apply_color_lut(stored, data)[:, :3]
    except Exception:  # a damaged table raises nearly anything
        return None
    table = narrow_palette(table)
    return _shared(table.tobytes(), table.dtype.str)


@lru_cache(maxsize=8)
def _shared(table: bytes, dtype: str) -> NDArray[np.unsignedinteger[Any]]:
    """One array for equal tables: a series of a thousand files has one palette."""
    return np.frombuffer(table, dtype).reshape(-1, 3)
