"""A chamber of the heart shrinks or widens inside its wall: hearts of other sizes and moments from those at hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vesalius.errors import UsageError
from vesalius.transforms.arrays import Array, as_numpy, library, positions
from vesalius.transforms.sampling import Outside, at
from vesalius.transforms.transform import Params, PositiveRange, Sample, Transform

_LEAST_PIXELS = 12


class Cavity(Transform):
    """A round chamber becomes smaller or larger within its slice, and what surrounds it makes room.

    About the middle of a label, squared radii are mapped piecewise linearly: those inside the radius R of a circle of
    the label's area to s^2 times as much, those between R and `reach` R to what is left, those beyond stay. So a
    shrinking chamber gets a thicker wall, as in systole or hypertrophy. For x_CIJK, slice by slice; one with fewer than
    12 pixels of the label stays. Images by linear interpolation, masks by nearest neighbour.

    Args:
        scale: smallest and largest s, drawn on a log scale.
    """

    mask: str = Field(default="mask", description="name of the mask")
    label: int = Field(description="value of the chamber in the mask")
    scale: PositiveRange = Field(default=(0.5, 1.1), description="smallest and largest factor on the radius")
    reach: float = Field(default=2.5, gt=1.3, le=8, description="radius of what moves, over that of the chamber")

    def draw(self, generator: np.random.Generator) -> Params:
        return math.exp(generator.uniform(math.log(self.scale[0]), math.log(self.scale[1])))

    def apply(self, x: Array, params: Params = None) -> Array:
        raise UsageError("a chamber cannot be found in an image", fix="change the whole sample")

    def apply_mask(self, mask: Array, params: Params = None) -> Array:
        raise UsageError("a single mask cannot be changed about another mask", fix="change the whole sample")

    def apply_to(self, sample: Sample, params: Params = None) -> Sample:
        """Return the changed sample.

        Raises:
            UsageError: no such mask, no volume, or a factor that leaves the surroundings no room.
        """
        if self.mask not in sample.masks:
            raise UsageError(
                f"the sample has no mask {self.mask!r}", fix=f"it has: {', '.join(sample.masks) or 'none'}"
            )
        if params >= self.reach:
            raise UsageError(f"a factor of {params:.3g} leaves no room within reach {self.reach:g}")
        positions(sample.image, "IJK")
        chamber_IJK = as_numpy(sample.masks[self.mask])[0] == self.label
        if chamber_IJK.ndim != 3:
            raise UsageError(f"a mask of shape {tuple(sample.masks[self.mask].shape)} is no volume (C, I, J, K)")
        sources = [self._places(chamber_IJK[..., k], params) for k in range(chamber_IJK.shape[2])]

        def moved(x: Array, outside: Outside, order: int) -> Array:
            slices = [
                x[..., k : k + 1] if places is None else at(x[..., k : k + 1], (1, 2), places, outside, order=order)
                for k, places in enumerate(sources)
            ]
            return library(x).concatenate(slices, -1)

        masks = {name: moved(mask, 0, 0) for name, mask in sample.masks.items()}
        return replace(sample, image=moved(sample.image, "edge", 1), masks=masks)

    def _places(self, chamber_IJ: NDArray[np.bool_], factor: float) -> list[NDArray[np.float64]] | None:
        """Return where each pixel of a slice comes from; None where too little of the chamber is seen."""
        pixels = np.argwhere(chamber_IJ)
        if len(pixels) < _LEAST_PIXELS:
            return None
        middle, area = pixels.mean(axis=0), len(pixels) / math.pi
        i, j = (np.arange(length) - place for length, place in zip(chamber_IJ.shape, middle, strict=True))
        squared = i[:, None] ** 2 + j[None, :] ** 2
        ends = area * np.array([0.0, factor**2, self.reach**2])
        source = np.interp(squared, ends, area * np.array([0.0, 1.0, self.reach**2]))
        ratio = np.sqrt(np.divide(source, squared, out=np.ones_like(squared), where=squared > 0))
        ratio[squared >= ends[-1]] = 1.0
        return [i[:, None] * ratio + middle[0], j[None, :] * ratio + middle[1]]
