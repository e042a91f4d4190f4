"""Crops about what is there: the box is found in the image or a mask, so a whole sample is cropped at once.

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
    """The smallest box that holds the foreground of all channels, with a margin; all frames are kept."""

    above: float | None = Field(default=None, description="voxels above this are foreground; None: all that are not 0")
    margin: int = Field(default=0, ge=0, description="voxels that are kept around the box")

    def apply(self, x: Array, params: Params = None) -> Array:
        return cut(x, *self._box(x))

    def apply_mask(self, mask: Array, params: Params = None) -> Array:
        raise UsageError("a mask alone does not tell the foreground of its image", fix="crop the whole sample")

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
            found = np.flatnonzero(inside.any(axis=tuple(n for n in range(x.ndim) if n != axis)))
            low = max(0, int(found[0]) - self.margin)
            firsts.append(low)
            wanted.append(min(x.shape[axis], int(found[-1]) + 1 + self.margin) - low)
        return firsts, wanted


class LabelCrop(Transform):
    """A box of a size about a random voxel of a mask that is not 0; where the mask is empty, a box anywhere."""

    size: Size = SIZE_FIELD
    mask: str = Field(description="name of the mask")
    share: float = Field(default=1.0, ge=0, le=1, description="of the boxes that are about a label, the rest anywhere")

    def draw(self, generator: np.random.Generator) -> Params:
        """Which of the voxels, as a share of their number; where the box lies if it is about none; about one or not."""
        shares = generator.random(2 + len(self.size))
        return tuple(float(share) for share in shares)

    def apply(self, x: Array, params: Params = None) -> Array:
        raise UsageError("an image alone does not tell its labels", fix="crop the whole sample")

    def apply_mask(self, mask: Array, params: Params = None) -> Array:
        raise UsageError("a mask alone does not tell whether it leads", fix="crop the whole sample")

    def apply_to(self, sample: Sample, params: Params = None) -> Sample:
        """The box around the voxel, moved so that it lies inside.

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
