"""Colours of RGB pictures x_CJI with three channels from 0 to 1. Masks are unchanged."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from vesalius.errors import UsageError
from vesalius.transforms.arrays import Array, check_floating, library
from vesalius.transforms.intensity import drawn_factor, stretched
from vesalius.transforms.transform import Params, Transform

_LUMINANCE_RGB = (0.299, 0.587, 0.114)


class ColourJitter(Transform):
    """Brightness, contrast, saturation and hue in random order, clipped to 0 to 1 after each.

    As published with SimCLR (arXiv 2002.05709, its second version: brightness is a factor, contrast is about the mean
    of each channel, saturation and hue are those of HSV). For one channel take `grey_jitter`.

    >>> ColourJitter().apply(np.full((3, 1, 1), 0.4), (("brightness", 2.0),)).ravel()
    array([0.8, 0.8, 0.8])
    """

    strength: float = Field(default=1.0, ge=0, le=1.25, description="multiplies the four others")
    brightness: float = Field(default=0.8, ge=0, le=1, description="a factor is drawn from 1 - this to 1 + this")
    contrast: float = Field(default=0.8, ge=0, le=1, description="likewise")
    saturation: float = Field(default=0.8, ge=0, le=1, description="likewise")
    hue: float = Field(
        default=0.2, ge=0, le=0.4, description="largest turn, a share of the colour circle, on both sides"
    )

    def draw(self, generator: np.random.Generator) -> Params:
        """Return the four changes in their order: (name, factor or turn)."""
        steps = [("brightness", self.brightness), ("contrast", self.contrast), ("saturation", self.saturation)]
        drawn = [(name, drawn_factor(generator, size * self.strength)) for name, size in steps]
        turn = self.hue * self.strength
        drawn.append(("hue", float(generator.uniform(-turn, turn))))
        return tuple(drawn[n] for n in generator.permutation(4))

    def apply(self, x: Array, params: Params = None) -> Array:
        check_floating(x)
        _check_rgb(x)
        for name, amount in params:
            if name == "brightness":
                x = x * amount
            elif name == "contrast":
                x = stretched(x, amount)
            else:
                x = _recoloured(x, *((amount, 0.0) if name == "saturation" else (1.0, amount)))
            x = x.clip(0, 1)
        return x


class Greyscale(Transform):
    """All three channels become the luminance.

    >>> Greyscale().apply(np.array([1.0, 0.0, 0.0]).reshape(3, 1, 1)).ravel()
    array([0.299, 0.299, 0.299])
    """

    def apply(self, x: Array, params: Params = None) -> Array:
        check_floating(x)
        _check_rgb(x)
        red, green, blue = _LUMINANCE_RGB
        grey = x[0] * red + x[1] * green + x[2] * blue
        return library(x).stack([grey, grey, grey], 0)


def _recoloured(x: Array, saturation: float, turn: float) -> Array:
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
