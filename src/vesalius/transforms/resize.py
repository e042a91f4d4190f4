"""Resizing to a number of voxels, the field of view kept; what shrinks is averaged, so nothing aliases.

For floating x_CJI, x_CIJK and x_CTIJK (masks: any dtype, nearest neighbour). Sizes are those of `crop.py`.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from vesalius.errors import UsageError
from vesalius.transforms.arrays import Array, check_floating, letters, picked
from vesalius.transforms.crop import SIZE_FIELD, Size, cut, sizes
from vesalius.transforms.sampling import along, nearest_index, resize_matrix
from vesalius.transforms.transform import Params, PositiveRange, Transform

Kernel = Literal["linear", "cubic"]
_REACH = {"linear": 1, "cubic": 2}
_TRIALS = 10
"""Boxes to try before the centered square is taken."""


class Resize(Transform):
    """Each axis resized to a size. Cubic interpolation can leave the range of the values by some percent.

    >>> Resize(size=[1, 2]).apply(np.array([[[0.0, 2.0, 4.0, 6.0]]])).shape
    (1, 1, 2)
    """

    size: Size = SIZE_FIELD
    kernel: Kernel = Field(default="linear", description="interpolation of images")

    def apply(self, x: Array, params: Params = None) -> Array:
        check_floating(x)
        return resized(x, sizes(x, self.size), self.kernel)

    def apply_mask(self, mask: Array, params: Params = None) -> Array:
        return resized_labels(mask, sizes(mask, self.size))


class RandomResizedCrop(Transform):
    """A box of a random share of the area and a random aspect of x_CJI, resized (SimCLR, arXiv 2002.05709).

    Ten boxes are drawn; the first that fits into the picture is taken, else its largest centered square.

    >>> crop = RandomResizedCrop(size=[2, 3])
    >>> crop.apply(np.ones((1, 8, 8)), crop.draw(np.random.default_rng(0))).shape
    (1, 2, 3)
    """

    size: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = Field(
        description="rows J and columns I of the result"
    )
    area: PositiveRange = Field(default=(0.08, 1.0), description="smallest and largest share of the area")
    aspect: PositiveRange = Field(default=(3 / 4, 4 / 3), description="smallest and largest columns / rows")
    kernel: Kernel = Field(default="cubic", description="interpolation of images")

    def draw(self, generator: np.random.Generator) -> Params:
        """Return ten pairs (area, aspect), and the shares of the way along J and I."""
        areas = generator.uniform(*self.area, _TRIALS)
        aspects = np.exp(generator.uniform(math.log(self.aspect[0]), math.log(self.aspect[1]), _TRIALS))
        trials = tuple((float(area), float(aspect)) for area, aspect in zip(areas, aspects, strict=True))
        return trials, tuple(float(share) for share in generator.random(2))

    def apply(self, x: Array, params: Params = None) -> Array:
        check_floating(x)
        return resized(_box(x, params), list(self.size), self.kernel)

    def apply_mask(self, mask: Array, params: Params = None) -> Array:
        return resized_labels(_box(mask, params), list(self.size))


def resized(x: Array, wanted: list[int], kernel: Kernel) -> Array:
    """Resize each axis after the channel, first those that shrink most."""
    order = sorted(range(1, x.ndim), key=lambda axis: wanted[axis - 1] / x.shape[axis])
    for axis in order:
        if wanted[axis - 1] != x.shape[axis]:
            x = along(x, axis, resize_matrix(x.shape[axis], wanted[axis - 1], _REACH[kernel]))
    return x


def resized_labels(mask: Array, wanted: list[int]) -> Array:
    """Resize labels as `resized`, by nearest neighbour."""
    for axis, size in enumerate(wanted, start=1):
        if size != mask.shape[axis]:
            mask = picked(mask, axis, nearest_index(mask.shape[axis], size))
    return mask


def _box(x: Array, params: Params) -> Array:
    if letters(x) != "CJI":
        raise UsageError(f"an array {letters(x)} is not a picture CJI", fix="use random_crop and resize")
    trials, shares = params
    rows, columns = x.shape[1:]
    tall = wide = min(rows, columns)
    for area, aspect in trials:
        pixels = area * rows * columns
        height, width = max(1, round(math.sqrt(pixels / aspect))), max(1, round(math.sqrt(pixels * aspect)))
        if height <= rows and width <= columns:
            tall, wide = height, width
            break
    else:
        shares = (0.5, 0.5)
    firsts = [
        int(share * (size - part + 1)) for share, size, part in zip(shares, (rows, columns), (tall, wide), strict=True)
    ]
    return cut(x, firsts, [tall, wide])
