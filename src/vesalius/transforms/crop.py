"""Cropping and padding: voxels are removed or added, values stay.

A size has one number for each axis after the channel: (J, I), (I, J, K) or (T, I, J, K); None keeps an axis. All take
arrays of any dtype. The boxes of `ForegroundCrop` and `LabelCrop` depend on the image or a mask, so these two crop
whole samples.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from vesalius.errors import UsageError
from vesalius.transforms.arrays import Array, full, letters, library, positions
from vesalius.transforms.transform import Params, Sample, Transform

Size = tuple[Annotated[int, Field(ge=1)] | None, ...]
SIZE_FIELD = Field(min_length=2, max_length=4, description="voxels along each axis after the channel")


class RandomCrop(Transform):
    """A box of a size at a random place; of a cine in space and time."""

    size: Size = SIZE_FIELD

    def draw(self, generator: np.random.Generator) -> Params:
        return tuple(float(share) for share in generator.random(len(self.size)))

    def apply(self, x: Array, params: Params = None) -> Array:
        """Return the box at the share `params` of the way along each axis.

        Raises:
            UsageError: an axis is shorter than the box.
        """
        wanted, spare = _fitting(x, self.size)
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
    """Each axis that is shorter than the size gets voxels on both sides; of an odd number one more at the end."""

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
    """Cropped and padded to a size about the middle, never resized."""

    size: Size = SIZE_FIELD
    fill: float = Field(default=0.0, description="value of the new voxels; labels get 0")

    def apply(self, x: Array, params: Params = None) -> Array:
        return CenterPad(size=self.size, fill=self.fill).apply(CenterCrop(size=self.size).apply(x))

    def apply_mask(self, mask: Array, params: Params = None) -> Array:
        return CenterPad(size=self.size, fill=0).apply(CenterCrop(size=self.size).apply(mask))


class ForegroundCrop(Transform):
    """The smallest box that holds the foreground of all channels, with a margin; all frames are kept.

    >>> ForegroundCrop().apply(np.array([[[0.0, 3.0, 4.0, 0.0]]]))
    array([[[3., 4.]]])
    """

    above: float | None = Field(default=None, description="voxels above this are foreground; None: all nonzero voxels")
    margin: int = Field(default=0, ge=0, description="voxels kept around the box")

    def apply(self, x: Array, params: Params = None) -> Array:
        return cut(x, *self._box(x))

    def apply_mask(self, mask: Array, params: Params = None) -> Array:
        raise UsageError("the foreground of an image cannot be found in its mask", fix="crop the whole sample")

    def apply_to(self, sample: Sample, params: Params = None) -> Sample:
        return _cut_sample(sample, *self._box(sample.image))

    def _box(self, x: Array) -> tuple[list[int], list[int]]:
        first_spatial = 2 if "T" in letters(x) else 1
        inside = _as_bits(x != 0 if self.above is None else x > self.above)
        if not inside.any():
            raise UsageError("the image has no foreground", fix="choose a lower value of above, or leave the scan out")
        firsts, wanted = [0] * (first_spatial - 1), list(x.shape[1:first_spatial])
        for axis in range(first_spatial, x.ndim):
            filled = np.flatnonzero(inside.any(axis=tuple(n for n in range(x.ndim) if n != axis)))
            low = max(0, int(filled[0]) - self.margin)
            firsts.append(low)
            wanted.append(min(x.shape[axis], int(filled[-1]) + 1 + self.margin) - low)
        return firsts, wanted


class LabelCrop(Transform):
    """A box of a size around a random voxel of a mask above 0; a box anywhere if there is none.

    >>> sample = Sample(np.arange(4.0).reshape(1, 1, 4), {"mask": np.array([[[0, 0, 0, 1]]])})
    >>> LabelCrop(size=[1, 2], mask="mask").apply_to(sample, (0.0, 0.0, 0.0, 0.0)).image
    array([[[2., 3.]]])
    """

    size: Size = SIZE_FIELD
    mask: str = Field(description="name of the mask")
    share: float = Field(default=1.0, ge=0, le=1, description="share of boxes around a label; others lie anywhere")

    def draw(self, generator: np.random.Generator) -> Params:
        """Return the label voxel (as a share of their number), the place of a box elsewhere, and which one to take."""
        return tuple(float(share) for share in generator.random(2 + len(self.size)))

    def apply(self, x: Array, params: Params = None) -> Array:
        raise UsageError("labels cannot be found in an image", fix="crop the whole sample")

    def apply_mask(self, mask: Array, params: Params = None) -> Array:
        raise UsageError("a single mask cannot be cropped around another mask", fix="crop the whole sample")

    def apply_to(self, sample: Sample, params: Params = None) -> Sample:
        """Return the box around the voxel, moved so that it lies inside.

        Raises:
            UsageError: the sample has no such mask, or is smaller than the box.
        """
        if self.mask not in sample.masks:
            raise UsageError(
                f"the sample has no mask {self.mask!r}", fix=f"it has: {', '.join(sample.masks) or 'none'}"
            )
        wanted, spare = _fitting(sample.image, self.size)
        inside = _as_bits(sample.masks[self.mask] > 0).any(axis=0)
        labelled = np.flatnonzero(inside & (params[-1] < self.share))
        if len(labelled):
            middle = np.unravel_index(labelled[int(params[0] * len(labelled))], sample.image.shape[1:])
            firsts = [
                min(max(0, int(place) - size // 2), room)
                for place, size, room in zip(middle, wanted, spare, strict=True)
            ]
        else:
            firsts = [int(share * (room + 1)) for share, room in zip(params[1:-1], spare, strict=True)]
        return _cut_sample(sample, firsts, wanted)


class CutOut(Transform):
    """What lies outside a random box becomes 0, in masks too: as a picture that was cut out and padded again.

    Each axis of I and J keeps a drawn share of its length; the box may lie up to `shift` of the axis off the middle,
    and always inside.
    """

    keep: tuple[float, float] = Field(default=(0.6, 1.0), description="least and greatest share of an axis that stays")
    shift: float = Field(default=0.1, ge=0, le=1, description="largest distance from the middle, a share of the axis")

    @field_validator("keep")
    @classmethod
    def _are_shares(cls, ends: tuple[float, float]) -> tuple[float, float]:
        if not 0 < ends[0] <= ends[1] <= 1:
            raise ValueError("give two rising numbers between 0 and 1")
        return ends

    def draw(self, generator: np.random.Generator) -> Params:
        """Return the share of I and J that stays, and how far the box lies off the middle, as a share of the axis."""
        shares, shifts = generator.uniform(*self.keep, 2), generator.uniform(-self.shift, self.shift, 2)
        return tuple(map(float, shares)), tuple(map(float, shifts))

    def apply(self, x: Array, params: Params = None) -> Array:
        box: list[slice] = [slice(None)] * x.ndim
        for axis, share, shift in zip(positions(x, "IJ"), *params, strict=True):
            length = x.shape[axis]
            side = max(round(share * length), 1)
            first = min(max(round((length - side) / 2 + shift * length), 0), length - side)
            box[axis] = slice(first, first + side)
        out = full(x, tuple(x.shape), 0)
        out[tuple(box)] = x[tuple(box)]
        return out

    def apply_mask(self, mask: Array, params: Params = None) -> Array:
        return self.apply(mask, params)


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


def _fitting(x: Array, size: Size) -> tuple[list[int], list[int]]:
    """Return a size in voxels, and by how many voxels each axis of `x` is longer."""
    wanted = sizes(x, size)
    spare = [present - voxels for voxels, present in zip(wanted, x.shape[1:], strict=True)]
    if min(spare) < 0:
        raise UsageError(f"shape {tuple(x.shape)} is smaller than the crop {wanted}", fix="pad it first")
    return wanted, spare


def _cut_sample(sample: Sample, firsts: list[int], wanted: list[int]) -> Sample:
    masks = {name: cut(mask, firsts, wanted) for name, mask in sample.masks.items()}
    return replace(sample, image=cut(sample.image, firsts, wanted), masks=masks)


def _as_bits(x: Array) -> NDArray[np.bool_]:
    return x if library(x) is np else x.cpu().numpy()
