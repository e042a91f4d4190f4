"""Histogram equalization."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vesalius.transforms.arrays import Array, check_floating, letters, through_numpy
from vesalius.transforms.transform import Params, Transform


class Equalize(Transform):
    """Values become the share of voxels below them, channel by channel; 0 stays 0 and 1 stays 1.

    For floating x_CJI, x_CIJK and x_CTIJK from 0 to 1 (clipped); masks stay as they are.
    """

    bins: int = Field(default=256, ge=2, le=65536, description="bins of the histogram from 0 to 1")

    def apply(self, x: Array, params: Params = None) -> Array:
        check_floating(x)
        letters(x)
        return through_numpy(x, self._equalized)

    def _equalized(self, x: NDArray[Any]) -> NDArray[Any]:
        out = np.empty_like(x)
        for channel, values in enumerate(np.clip(x, 0, 1)):
            counts, edges = np.histogram(values, self.bins, (0, 1))
            shares = np.concatenate([[0.0], np.cumsum(counts) / values.size])
            out[channel] = np.interp(values, edges, shares)
        return out
