"""Crops around the foreground or a label: the box depends on the image or a mask, so whole samples are cropped.

For x_CJI, x_CIJK and x_CTIJK of any dtype.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vesalius.errors import UsageError
from vesalius.transforms.arrays import Array, letters, library
from vesalius.transforms.crop import SIZE_FIELD, Size, cut, sizes
from vesalius.transforms.transform import Params, Sample, Transform


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
        firsts, wanted = self._box(sample.image)
        masks = {name: cut(mask, firsts, wanted) for name, mask in sample.masks.items()}
        return replace(sample, image=cut(sample.image, firsts, wanted), masks=masks)

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
    """A box of a size around a random nonzero voxel of a mask; a box anywhere if the mask is empty.

    >>> sample = Sample(np.arange(4.0).reshape(1, 1, 4), {"mask": np.array([[[0, 0, 0, 1]]])})
    >>> LabelCrop(size=[1, 2], mask="mask").apply_to(sample, (0.0, 0.0, 0.0, 0.0)).image
    array([[[2., 3.]]])
    """

    size: Size = SIZE_FIELD
    mask: str = Field(description="name of the mask")
    share: float = Field(default=1.0, ge=0, le=1, description="share of boxes around a label; others lie anywhere")

    def draw(self, generator: np.random.Generator) -> Params:
        """Return the label voxel (as a share of their number), the place of a box elsewhere, and which one to take."""
        shares = generator.random(2 + len(self.size))
        return tuple(float(share) for share in shares)

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
        wanted = sizes(sample.image, self.size)
        present = sample.image.shape[1:]
        if any(size > room for size, room in zip(wanted, present, strict=True)):
            raise UsageError(f"shape {tuple(sample.image.shape)} is smaller than the crop {wanted}", fix="pad it first")
        inside = _as_bits(sample.masks[self.mask] != 0).any(axis=0)
        labelled = np.flatnonzero(inside & (params[-1] < self.share))
        if len(labelled):
            middle = np.unravel_index(labelled[int(params[0] * len(labelled))], present)
            firsts = [
                min(max(0, int(place) - size // 2), room - size)
                for place, size, room in zip(middle, wanted, present, strict=True)
            ]
        else:
            spare = zip(params[1:-1], wanted, present, strict=True)
            firsts = [int(share * (room - size + 1)) for share, size, room in spare]
        masks = {name: cut(mask, firsts, wanted) for name, mask in sample.masks.items()}
        return replace(sample, image=cut(sample.image, firsts, wanted), masks=masks)


def _as_bits(x: Array) -> NDArray[np.bool_]:
    return x if library(x) is np else x.cpu().numpy()
