"""The affine that a kept NIfTI header states, so that the header of a `.vsl` file need not repeat it."""

from __future__ import annotations

import numpy as np

from vesalius.errors import CorruptFileError
from vesalius.scan.geometry import Affine

_PLACES = {348: ("f4", 280), 540: ("f8", 400)}
"""sizeof_hdr of NIfTI-1 and NIfTI-2 -> number type and place of srow_x, srow_y and srow_z."""


def sform(header: bytes) -> Affine:
    """Return rows srow_x, srow_y and srow_z of a NIfTI header as they stand, and 0 0 0 1.

    Raises:
        CorruptFileError: it is no NIfTI header.
    """
    for order in "<>":
        size = int.from_bytes(header[:4], "little" if order == "<" else "big")
        if size in _PLACES and len(header) >= size:
            number, place = _PLACES[size]
            rows = np.frombuffer(header, order + number, 12, place).astype(np.float64)
            return np.concatenate([rows, [0.0, 0.0, 0.0, 1.0]]).reshape(4, 4)
    raise CorruptFileError("the geometry is in a NIfTI header that is none")
