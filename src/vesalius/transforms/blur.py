"""Gaussian blur."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from vesalius.transforms.arrays import Array, check_floating, positions
from vesalius.transforms.sampling import along, blur_matrix
from vesalius.transforms.transform import Params, PositiveRange, Transform


class Blur(Transform):
    """A Gaussian along some axes. For floating x_CJI, x_CIJK and x_CTIJK; masks are unchanged.

    SimCLR (arXiv 2002.05709) with one departure: the kernel ends at 4 sigma, not at a tenth of the picture, and the
    border is repeated instead of being black.

    >>> Blur().apply(np.array([[[0.0, 1.0, 0.0]]]), 0.5).round(2)
    array([[[0.11, 0.79, 0.11]]])
    """

    axes: str = Field(default="IJ", pattern="^(IJ|IJK)$", description="letters of the axes")
    sigma: PositiveRange = Field(default=(0.1, 2.0), description="smallest and largest sigma in voxels")

    def draw(self, generator: np.random.Generator) -> Params:
        return float(generator.uniform(*self.sigma))

    def apply(self, x: Array, params: Params = None) -> Array:
        check_floating(x)
        for axis in positions(x, self.axes):
            x = along(x, axis, blur_matrix(x.shape[axis], params))
        return x
