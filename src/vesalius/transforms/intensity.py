"""Changes of values: brightness, contrast, colour, blur, missing modalities. Masks are unchanged.

For floating x_CJI, x_CIJK and x_CTIJK; colours for RGB pictures x_CJI with three channels from 0 to 1.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from vesalius.errors import UsageError
from vesalius.transforms.arrays import Array, check_floating, letters, library, matched, positions
from vesalius.transforms.sampling import along, blur_matrix
from vesalius.transforms.transform import Params, PositiveRange, Range, Transform
from vesalius.transforms.window import LUMINANCE_RGB

_MOST_PICTURE_CHANNELS = 4
"""Red, green, blue and transparency."""


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
    """Distances from the mean of each channel times a factor, nothing clipped."""

    factor: PositiveRange = Field(default=(0.8, 1.2), description="smallest and largest factor")

    def draw(self, generator: np.random.Generator) -> Params:
        return float(generator.uniform(*self.factor))

    def apply(self, x: Array, params: Params = None) -> Array:
        check_floating(x)
        return _stretched(x, params)


class GreyJitter(Transform):
    """Brightness and contrast of an image from 0 to 1, in random order, clipped after each.

    SimCLR's colour jitter (arXiv 2002.05709) without saturation and hue; any number of channels.
    """

    strength: float = Field(default=1.0, ge=0, le=1.25, description="multiplies the size of each change")
    brightness: float = Field(default=0.8, ge=0, le=1, description="a factor is drawn from 1 - this to 1 + this")
    contrast: float = Field(default=0.8, ge=0, le=1, description="likewise")

    def draw(self, generator: np.random.Generator) -> Params:
        """Return the changes in their order: (name, factor or turn)."""
        changes = self._changes(generator)
        return tuple(changes[n] for n in generator.permutation(len(changes)))

    def apply(self, x: Array, params: Params = None) -> Array:
        check_floating(x)
        for name, amount in params:
            x = self._changed(x, name, amount).clip(0, 1)
        return x

    def _changes(self, generator: np.random.Generator) -> list[tuple[str, float]]:
        return [(name, self._factor(generator, name)) for name in ("brightness", "contrast")]

    def _factor(self, generator: np.random.Generator, name: str) -> float:
        """Draw a factor from 1 - size, at least 0, to 1 + size."""
        size = getattr(self, name) * self.strength
        return float(generator.uniform(max(0.0, 1 - size), 1 + size))

    def _changed(self, x: Array, name: str, amount: float) -> Array:
        return x * amount if name == "brightness" else _stretched(x, amount)


class ColourJitter(GreyJitter):
    """Brightness, contrast, saturation and hue in random order, clipped to 0 to 1 after each.

    As published with SimCLR (arXiv 2002.05709, its second version: brightness is a factor, contrast is about the mean
    of each channel, saturation and hue are those of HSV). For one channel take `grey_jitter`.
    """

    saturation: float = Field(default=0.8, ge=0, le=1, description="likewise")
    hue: float = Field(
        default=0.2, ge=0, le=0.4, description="largest turn, a share of the colour circle, on both sides"
    )

    def apply(self, x: Array, params: Params = None) -> Array:
        _check_rgb(x)
        return super().apply(x, params)

    def _changes(self, generator: np.random.Generator) -> list[tuple[str, float]]:
        changes = [*super()._changes(generator), ("saturation", self._factor(generator, "saturation"))]
        turn = self.hue * self.strength
        return [*changes, ("hue", float(generator.uniform(-turn, turn)))]

    def _changed(self, x: Array, name: str, amount: float) -> Array:
        if name == "saturation":
            return _recoloured(x, saturation=amount)
        return _recoloured(x, turn=amount) if name == "hue" else super()._changed(x, name, amount)


class Greyscale(Transform):
    """All three channels become the luminance."""

    def apply(self, x: Array, params: Params = None) -> Array:
        check_floating(x)
        _check_rgb(x)
        red, green, blue = LUMINANCE_RGB
        grey = x[0] * red + x[1] * green + x[2] * blue
        return library(x).stack([grey, grey, grey], 0)


class PictureChannels(Transform):
    """Grey or coloured pictures, whichever are given, in the channels that a net takes; transparency is dropped.

    Grey becomes three equal channels, red, green and blue become their luminance.

    >>> PictureChannels(count=1).apply(np.ones((3, 2, 2))).shape
    (1, 2, 2)
    """

    count: Literal[1, 3] = Field(description="channels of the result")

    def channel_count(self, given: int) -> int:
        return self.count

    def apply(self, x: Array, params: Params = None) -> Array:
        """Return the picture. Raises UsageError for an image that has neither one nor three channels and alpha."""
        check_floating(x)
        letters(x)
        if not 1 <= x.shape[0] <= _MOST_PICTURE_CHANNELS:
            raise UsageError(f"an image of {x.shape[0]} channels was given, neither grey nor RGB")
        colours = x[:3] if x.shape[0] >= 3 else x[:1]
        if len(colours) == self.count:
            return colours
        if self.count == 3:
            return library(x).concatenate([colours] * 3, 0)
        red, green, blue = LUMINANCE_RGB
        return colours[:1] * red + colours[1:2] * green + colours[2:] * blue


class Blur(Transform):
    """A Gaussian along some axes. For floating x_CJI, x_CIJK and x_CTIJK; masks are unchanged.

    SimCLR (arXiv 2002.05709) with one departure: the kernel ends at 4 sigma, not at a tenth of the picture, and the
    border is repeated instead of being black.
    """

    axes: str = Field(default="IJ", pattern="^(IJ|IJK)$", description="letters of the axes")
    sigma: PositiveRange = Field(default=(0.1, 2.0), description="smallest and largest sigma in voxels")

    def draw(self, generator: np.random.Generator) -> Params:
        return float(generator.uniform(*self.sigma))

    def apply(self, x: Array, params: Params = None) -> Array:
        check_floating(x)
        for axis in positions(x, self.axes):
            x = along(x, axis, blur_matrix(x.shape[axis], params))
        return x


class ModalityDropout(Transform):
    """Each channel is set to a value with a probability; one channel, drawn first, always stays.

    For floating x_CJI, x_CIJK and x_CTIJK; masks are unchanged.
    """

    channels: int = Field(ge=2, description="channels of the image")
    p: float = Field(default=0.25, ge=0, le=1, description="probability for each channel but one")
    fill: float = Field(default=0.0, description="value of a missing channel")

    def draw(self, generator: np.random.Generator) -> Params:
        """Return the numbers of the missing channels."""
        stays = int(generator.integers(self.channels))
        missing = generator.random(self.channels) < self.p
        return tuple(n for n in range(self.channels) if missing[n] and n != stays)

    def apply(self, x: Array, params: Params = None) -> Array:
        letters(x)
        if x.shape[0] != self.channels:
            raise UsageError(f"an image of {x.shape[0]} channels was given, {self.channels} are expected")
        if not params:
            return x
        out = x + 0
        for channel in params:
            out[channel] = self.fill
        return out


def per_channel(values: tuple[float, ...], x: Array) -> Array:
    """Return one number for each channel, in the shape that multiplies `x`."""
    return matched(np.reshape(values, (-1,) + (1,) * (x.ndim - 1)), x)


def _stretched(x: Array, factor: float) -> Array:
    """Multiply the distances from the mean of each channel by a factor."""
    letters(x)
    mean = x.mean(tuple(range(1, x.ndim)), keepdims=True)
    return (x - mean) * factor + mean


def _recoloured(x: Array, saturation: float = 1.0, turn: float = 0.0) -> Array:
    """Multiply saturation by a factor and turn the hue, in HSV; value is kept."""
    lib = library(x)
    value, least = lib.amax(x, 0), lib.amin(x, 0)
    chroma = value - least
    safe = lib.where(chroma > 0, chroma, lib.ones_like(chroma))
    red, green, blue = x[0], x[1], x[2]
    sector = lib.where(
        value == red,
        (green - blue) / safe,
        lib.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    hue = sector + 6 * turn
    share = (chroma / lib.where(value > 0, value, lib.ones_like(value)) * saturation).clip(0, 1)
    planes = []
    for start in (5, 3, 1):
        place = (hue + start) % 6
        planes.append(value - value * share * lib.minimum(place, 4 - place).clip(0, 1))
    return lib.stack(planes, 0)


def _check_rgb(x: Array) -> None:
    if x.ndim != 3 or x.shape[0] != 3:
        raise UsageError(f"an array of shape {tuple(x.shape)} is not an RGB picture (3, J, I)")
