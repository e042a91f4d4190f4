"""Elastic deformation by a smooth random field."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from vesalius.transforms.affine import AXES_PATTERN, OUTSIDE_FIELD, sample
from vesalius.transforms.arrays import Array, check_floating, positions
from vesalius.transforms.sampling import Outside, along, spline_matrix
from vesalius.transforms.transform import Params, Transform


class Elastic(Transform):
    """Each voxel is moved by a cubic B-spline field over two or three axes; linear interpolation, the size is kept.

    For floating x_CJI, x_CIJK and x_CTIJK, all frames alike (masks: any dtype, nearest neighbour). The control points
    move at most 0.4 of their distance, so that the picture never folds.
    """

    axes: str = Field(default="IJ", pattern=AXES_PATTERN, description="letters of the axes")
    spans: int = Field(default=6, ge=1, le=64, description="intervals between control points along each axis")
    strength: float = Field(default=0.2, ge=0, le=0.4, description="largest move of a control point, in intervals")
    outside: Outside = OUTSIDE_FIELD

    def draw(self, generator: np.random.Generator) -> Params:
        """The seed of the field."""
        return int(generator.integers(1 << 63))

    def apply(self, x: Array, params: Params = None) -> Array:
        check_floating(x)
        return self._moved(x, params, self.outside, order=1)

    def apply_mask(self, mask: Array, params: Params = None) -> Array:
        return self._moved(mask, params, "edge" if self.outside == "edge" else 0, order=0)

    def _moved(self, x: Array, params: Params, outside: Outside, *, order: int) -> Array:
        found = positions(x, self.axes)
        lengths = [x.shape[axis] for axis in found]
        count = len(found)
        control = np.random.Generator(np.random.PCG64(params)).uniform(-1, 1, (count, *(self.spans + 3,) * count))
        field = control * self.strength / self.spans
        for axis, length in enumerate(lengths, start=1):
            field = along(field, axis, spline_matrix(length, self.spans))
        grid = np.meshgrid(*map(np.arange, lengths), indexing="ij", sparse=True)
        places = [step + share * length for step, share, length in zip(grid, field, lengths, strict=True)]
        return sample(x, found, places, outside, order)
