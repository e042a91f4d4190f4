"""Frames of a cine x_CTIJK: another number of them, or another pace. Floating images; masks by nearest frame."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vesalius.transforms.arrays import Array, check_floating, picked, positions
from vesalius.transforms.sampling import Matrix, along
from vesalius.transforms.transform import Params, PositiveRange, Transform

Ends = Literal["cycle", "open"]
_ENDS_FIELD: Ends = Field(default="cycle", description="cycle: the first frame follows the last; open: it does not")


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

    >>> Tempo().apply(np.zeros((1, 6, 1, 1, 1)), 1.5).shape
    (1, 4, 1, 1, 1)
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
