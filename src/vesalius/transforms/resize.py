"""Another number of voxels or frames, the field of view or the cycle kept.

Voxels that shrink are averaged, so nothing aliases. For floating x_CJI, x_CIJK and x_CTIJK (masks: any dtype, nearest
neighbour or frame). Sizes are those of `crop.py`.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vesalius.errors import UsageError
from vesalius.transforms.arrays import Array, check_floating, letters, picked, positions
from vesalius.transforms.crop import SIZE_FIELD, Size, cut, sizes
from vesalius.transforms.sampling import Matrix, along, nearest_index, resize_matrix
from vesalius.transforms.transform import Params, PositiveRange, Transform

Kernel = Literal["linear", "cubic"]
_REACH = {"linear": 1, "cubic": 2}
_TRIALS = 10
"""Boxes to try before the centered square is taken."""
Ends = Literal["cycle", "open"]
_ENDS_FIELD: Ends = Field(default="cycle", description="cycle: the first frame follows the last; open: it does not")


class Resize(Transform):
    """Each axis resized to a size. Cubic interpolation can leave the range of the values by some percent."""

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


class Frames(Transform):
    """A fixed number of frames, evenly over the cycle (or from the first to the last), linear in time.

    >>> Frames(count=2).apply(np.arange(4.0).reshape(1, 4, 1, 1, 1)).ravel()
    array([0., 2.])
    """

    count: int = Field(ge=1, description="frames of the result")
    ends: Ends = _ENDS_FIELD

    def apply(self, x: Array, params: Params = None) -> Array:
        return _resampled(x, self.count, self.ends)

    def apply_mask(self, mask: Array, params: Params = None) -> Array:
        return _resampled_labels(mask, self.count, self.ends)


class Tempo(Transform):
    """A heart that beats faster or slower: the number of frames is divided by a rate, linear in time.

    The time between frames stays, so the cycle takes longer or shorter; add `frames` or a crop for a fixed number.
    """

    rate: PositiveRange = Field(default=(0.8, 1.2), description="smallest and largest rate; above 1 is faster")
    ends: Ends = _ENDS_FIELD

    def draw(self, generator: np.random.Generator) -> Params:
        return float(generator.uniform(*self.rate))

    def apply(self, x: Array, params: Params = None) -> Array:
        return _resampled(x, self._count(x, params), self.ends)

    def apply_mask(self, mask: Array, params: Params = None) -> Array:
        return _resampled_labels(mask, self._count(mask, params), self.ends)

    def _count(self, x: Array, rate: float) -> int:
        (axis,) = positions(x, "T")
        return max(1, round(x.shape[axis] / rate))


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


def _resampled(x: Array, count: int, ends: Ends) -> Array:
    check_floating(x)
    (axis,) = positions(x, "T")
    return x if count == x.shape[axis] else along(x, axis, _matrix(x.shape[axis], count, ends))


def _resampled_labels(mask: Array, count: int, ends: Ends) -> Array:
    (axis,) = positions(mask, "T")
    old = mask.shape[axis]
    return mask if count == old else picked(mask, axis, np.floor(_places(old, count, ends) + 0.5).astype(np.intp) % old)


def _matrix(old: int, new: int, ends: Ends) -> Matrix:
    places = _places(old, new, ends)
    low = np.floor(places).astype(np.intp)
    matrix = np.zeros((new, old))
    rows = np.arange(new)
    np.add.at(matrix, (rows, low % old), 1 - (places - low))
    np.add.at(matrix, (rows, (low + 1) % old), places - low)
    return matrix


def _places(old: int, new: int, ends: Ends) -> NDArray[np.float64]:
    """Frame numbers of the new frames."""
    step = old / new if ends == "cycle" else (old - 1) / max(1, new - 1)
    return np.arange(new, dtype=np.float64) * step
