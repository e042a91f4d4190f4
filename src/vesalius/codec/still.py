"""The mean of a slice over time as a decoder sees it: coded as a still picture and decoded again.

Letters: K slices, J rows, I columns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vesalius.codec.coders.table import coder

STILL = 48
"""Constant rate factor of the mean where nothing else is asked for."""
_BITS = 10
_TOP = (1 << _BITS) - 1


def decoded_mean(mean_KJI: NDArray[np.float32], quality: int) -> NDArray[np.float32]:
    """Return the pictures after coding, values from 0 to 1.

    Args:
        mean_KJI: values from 0 to 1.
        quality: constant rate factor.
    """
    still = coder("svtav1")
    decoded = np.empty(mean_KJI.shape, np.float32)
    for slot, mean_JI in zip(decoded, mean_KJI, strict=True):
        levels_NJI = np.rint(mean_JI[None].clip(0, 1) * _TOP).astype(np.uint16)
        data = still.encode(levels_NJI, _BITS, float(quality), 1)
        slot[...] = still.decode(data, levels_NJI.shape, _BITS, 1)[0].astype(np.float32) / _TOP
    return decoded
