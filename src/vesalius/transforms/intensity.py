"""Brighter, darker, flatter: voxels keep their places, masks are unchanged.

For floating x_CJI, x_CIJK and x_CTIJK.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from vesalius.errors import UsageError
from vesalius.transforms.arrays import Array, check_floating, letters, matched
from vesalius.transforms.transform import Params, PositiveRange, Range, Transform


class ScaleShift(Transform):
    """Each channel times a factor plus an offset, drawn for each channel or for all together; for z-scored images.

    >>> ScaleShift().apply(np.array([[[1.0, 2.0]]]), ((2.0,), (0.5,)))
    array([[[2.5, 4.5]]])
    """

    channels: int | None = Field(default=1, ge=1, description="channels of the image; null: any number, changed alike")
    factor: Range = Field(default=(0.9, 1.1), description="smallest and largest factor")
    offset: Range = Field(default=(-0.1, 0.1), description="smallest and largest offset")

    def draw(self, generator: np.random.Generator) -> Params:
        """Return (factor of each channel, offset of each channel)."""
        factors, offsets = (generator.uniform(*ends, self.channels or 1) for ends in (self.factor, self.offset))
        return tuple(map(float, factors)), tuple(map(float, offsets))

    def apply(self, x: Array, params: Params = None) -> Array:
        check_floating(x)
        if self.channels is not None and x.shape[0] != self.channels:
            raise UsageError(f"an image of {x.shape[0]} channels was given, {self.channels} are expected")
        factors, offsets = (per_channel(values, x) for values in params)
        return x * factors + offsets


class Contrast(Transform):
    """Distances from the mean of each channel times a factor, nothing clipped.

    >>> Contrast().apply(np.array([[[1.0, 3.0]]]), 2.0)
    array([[[0., 4.]]])
    """

    factor: PositiveRange = Field(default=(0.8, 1.2), description="smallest and largest factor")

    def draw(self, generator: np.random.Generator) -> Params:
        return float(generator.uniform(*self.factor))

    def apply(self, x: Array, params: Params = None) -> Array:
        check_floating(x)
        return stretched(x, params)


class GreyJitter(Transform):
    """Brightness and contrast of an image from 0 to 1, in random order, clipped after each.

    SimCLR's colour jitter (arXiv 2002.05709) without saturation and hue; any number of channels.

    >>> GreyJitter().apply(np.array([[[0.2, 0.4]]]), (("brightness", 2.0),))
    array([[[0.4, 0.8]]])
    """

    strength: float = Field(default=1.0, ge=0, le=1.25, description="multiplies brightness and contrast")
    brightness: float = Field(default=0.8, ge=0, le=1, description="a factor is drawn from 1 - this to 1 + this")
    contrast: float = Field(default=0.8, ge=0, le=1, description="likewise")

    def draw(self, generator: np.random.Generator) -> Params:
        """Return the two changes in their order: ("brightness" or "contrast", factor)."""
        steps = [("brightness", self.brightness), ("contrast", self.contrast)]
        drawn = [(name, drawn_factor(generator, size * self.strength)) for name, size in steps]
        return tuple(drawn[n] for n in generator.permutation(2))

    def apply(self, x: Array, params: Params = None) -> Array:
        check_floating(x)
        for name, factor in params:
            x = (x * factor if name == "brightness" else stretched(x, factor)).clip(0, 1)
        return x


def drawn_factor(generator: np.random.Generator, size: float) -> float:
    """Draw a factor from 1 - size, at least 0, to 1 + size."""
    return float(generator.uniform(max(0.0, 1 - size), 1 + size))


def stretched(x: Array, factor: float) -> Array:
    """Multiply the distances from the mean of each channel by a factor."""
    letters(x)
    mean = x.mean(tuple(range(1, x.ndim)), keepdims=True)
    return (x - mean) * factor + mean


def per_channel(values: tuple[float, ...], x: Array) -> Array:
    """Return one number for each channel, in the shape that multiplies `x`."""
    return matched(np.reshape(values, (-1,) + (1,) * (x.ndim - 1)), x)
