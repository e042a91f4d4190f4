"""Checks that all coders share: what may go in, and what a stream may claim to give.

Letters: N pictures, J rows, I columns.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import CorruptFileError


def check_pictures(x_NJI: NDArray[Any], bits: int, most_bits: int) -> NDArray[np.uint16]:
    """The pictures as contiguous uint16.

    Raises:
        ValueError: not (N, J, I) of uint8 or uint16, an empty axis, or a value that needs more than `bits` bits; the
            caller's mistake, never the user's.
    """
    if x_NJI.ndim != 3 or 0 in x_NJI.shape or x_NJI.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"a coder takes uint8 or uint16 of shape (N, J, I), not {x_NJI.dtype} of {x_NJI.shape}")
    if not 1 <= bits <= most_bits:
        raise ValueError(f"this coder takes 1 to {most_bits} bits here, not {bits}")
    if int(x_NJI.max()) >> bits:
        raise ValueError(f"the value {int(x_NJI.max())} needs more than {bits} bits")
    return np.ascontiguousarray(x_NJI, dtype=np.uint16)


def check_claim(shape_NJI: tuple[int, int, int], bits: int, most_bits: int) -> None:
    """See that a decoder is asked for something that its encoder can have written.

    Raises:
        CorruptFileError: an empty axis, or a depth beyond the coder's.
    """
    if min(shape_NJI) < 1 or not 1 <= bits <= most_bits:
        raise CorruptFileError(f"a chunk cannot hold pictures of shape {shape_NJI} with {bits} bits")
