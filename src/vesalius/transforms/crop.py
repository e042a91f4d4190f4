"""Cropping and padding to a size: voxels are removed or added, values stay.

A size has one number for each axis after the channel: (J, I), (I, J, K) or (T, I, J, K); None keeps an axis. All take
arrays of any dtype.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from vesalius.errors import UsageError
from vesalius.transforms.arrays import Array, full, letters
from vesalius.transforms.transform import Params, Transform

Size = tuple[Annotated[int, Field(ge=1)] | None, ...]
SIZE_FIELD = Field(min_length=2, max_length=4, description="voxels along each axis after the channel")


class RandomCrop(Transform):
    """A box of a size at a random place; of a cine in space and time.

    >>> RandomCrop(size=[1, 2]).apply(np.arange(6.0).reshape(1, 2, 3), (0.0, 0.9))
    array([[[1., 2.]]])
    """

    size: Size = SIZE_FIELD

    def draw(self, generator: np.random.Generator) -> Params:
        return tuple(float(share) for share in generator.random(len(self.size)))

    def apply(self, x: Array, params: Params = None) -> Array:
        """Return the box at the share `params` of the way along each axis.

        Raises:
            UsageError: an axis is shorter than the box.
        """
        wanted = sizes(x, self.size)
        if any(size > present for size, present in zip(wanted, x.shape[1:], strict=True)):
            raise UsageError(f"shape {tuple(x.shape)} is smaller than the crop {wanted}", fix="pad it first")
        spare = [present - size for size, present in zip(wanted, x.shape[1:], strict=True)]
        return cut(x, [int(share * (room + 1)) for share, room in zip(params, spare, strict=True)], wanted)

    def apply_mask(self, mask: Array, params: Params = None) -> Array:
        return self.apply(mask, params)


class CenterCrop(Transform):
    """The middle of each axis that is longer than the size; of an odd rest one voxel more is removed at the end.

    >>> CenterCrop(size=[1, 2]).apply(np.arange(5.0).reshape(1, 1, 5))
    array([[[1., 2.]]])
    """

    size: Size = SIZE_FIELD

    def apply(self, x: Array, params: Params = None) -> Array:
        wanted = [min(size, present) for size, present in zip(sizes(x, self.size), x.shape[1:], strict=True)]
        return cut(x, [(present - size) // 2 for size, present in zip(wanted, x.shape[1:], strict=True)], wanted)

    def apply_mask(self, mask: Array, params: Params = None) -> Array:
        return self.apply(mask)


class CenterPad(Transform):
    """Each axis that is shorter than the size gets voxels on both sides; of an odd number one more at the end.

    >>> CenterPad(size=[1, 4]).apply(np.ones((1, 1, 1)))
    array([[[0., 1., 0., 0.]]])
    """

    size: Size = SIZE_FIELD
    fill: float = Field(default=0.0, description="value of the new voxels; labels get 0")

    def apply(self, x: Array, params: Params = None) -> Array:
        return self._padded(x, self.fill)

    def apply_mask(self, mask: Array, params: Params = None) -> Array:
        return self._padded(mask, 0)

    def _padded(self, x: Array, fill: float) -> Array:
        wanted = [max(size, present) for size, present in zip(sizes(x, self.size), x.shape[1:], strict=True)]
        if tuple(wanted) == tuple(x.shape[1:]):
            return x
        out = full(x, (x.shape[0], *wanted), fill)
        firsts = [(size - present) // 2 for size, present in zip(wanted, x.shape[1:], strict=True)]
        cut(out, firsts, list(x.shape[1:]))[...] = x
        return out


class CenterFit(Transform):
    """Cropped and padded to a size about the middle, never resized.

    >>> CenterFit(size=[2, 1]).apply(np.arange(3.0).reshape(1, 1, 3)).tolist()
    [[[1.0], [0.0]]]
    """

    size: Size = SIZE_FIELD
    fill: float = Field(default=0.0, description="value of the new voxels; labels get 0")

    def apply(self, x: Array, params: Params = None) -> Array:
        return CenterPad(size=self.size, fill=self.fill).apply(CenterCrop(size=self.size).apply(x))

    def apply_mask(self, mask: Array, params: Params = None) -> Array:
        return CenterPad(size=self.size, fill=0).apply(CenterCrop(size=self.size).apply(mask))


def sizes(x: Array, size: Size) -> list[int]:
    """Return a size with the lengths of `x` for None.

    Raises:
        UsageError: `x` has another number of axes.
    """
    if len(size) != x.ndim - 1:
        raise UsageError(f"a size {size} does not fit an array {letters(x)}", fix="give one number for each axis")
    return [present if wanted is None else wanted for wanted, present in zip(size, x.shape[1:], strict=True)]


def cut(x: Array, firsts: list[int], wanted: list[int]) -> Array:
    """Return a view of the box that starts at `firsts`; all channels."""
    return x[(slice(None), *(slice(first, first + size) for first, size in zip(firsts, wanted, strict=True)))]
