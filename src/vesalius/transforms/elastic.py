"""Elastic deformation by a smooth random field."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from vesalius.transforms.affine import AXES_PATTERN, Deformation, sampled_at
from vesalius.transforms.arrays import Array, positions
from vesalius.transforms.sampling import Outside, along, spline_matrix
from vesalius.transforms.transform import Params


class Elastic(Deformation):
    """Each voxel is moved by a cubic B-spline field over two or three axes; the size is kept.

    For floating x_CJI, x_CIJK and x_CTIJK, all frames alike (masks: any dtype). The control points move at most 0.4 of
    their distance, so the picture never folds.

    >>> elastic, x = Elastic(spans=2), np.arange(16.0).reshape(1, 4, 4)
    >>> elastic.apply(x, elastic.draw(np.random.default_rng(0))).shape
    (1, 4, 4)
    """

    axes: str = Field(default="IJ", pattern=AXES_PATTERN, description="letters of the axes")
    spans: int = Field(default=6, ge=1, le=64, description="intervals between control points along each axis")
    strength: float = Field(default=0.2, ge=0, le=0.4, description="largest move of a control point, in intervals")

    def draw(self, generator: np.random.Generator) -> Params:
        """Return the seed of the field."""
        return int(generator.integers(1 << 63))

    def _moved(self, x: Array, params: Params, outside: Outside, *, order: int) -> Array:
        axes = positions(x, self.axes)
        lengths, count = [x.shape[axis] for axis in axes], len(axes)
        control = np.random.Generator(np.random.PCG64(params)).uniform(-1, 1, (count, *(self.spans + 3,) * count))
        field = control * self.strength / self.spans
        for axis, length in enumerate(lengths, start=1):
            field = along(field, axis, spline_matrix(length, self.spans))
        grid = np.meshgrid(*map(np.arange, lengths), indexing="ij", sparse=True)
        places = [step + share * length for step, share, length in zip(grid, field, lengths, strict=True)]
        return sampled_at(x, axes, places, outside, order)
