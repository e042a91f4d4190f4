"""What another scanner would have done to a picture: contrast of tissues, shading by coils, resolution, noise.

Masks are unchanged. For floating x_CJI, x_CIJK and x_CTIJK, where 0 is dark and 1 is bright.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vesalius.seeding import generator
from vesalius.transforms.arrays import Array, check_floating, matched, positions
from vesalius.transforms.sampling import along, resize_matrix, spline_matrix
from vesalius.transforms.transform import Params, PositiveRange, Transform

_SEEDS = 1 << 62


class Gamma(Transform):
    """Values between 0 and 1 to the power of a number; values outside are clipped.

    >>> Gamma().apply(np.array([[[0.0, 0.5, 1.0, 2.0]]]), 2.0)
    array([[[0.  , 0.25, 1.  , 1.  ]]])
    """

    power: PositiveRange = Field(default=(0.6, 1.6), description="smallest and largest power, drawn on a log scale")

    def draw(self, generator: np.random.Generator) -> Params:
        return math.exp(generator.uniform(math.log(self.power[0]), math.log(self.power[1])))

    def apply(self, x: Array, params: Params = None) -> Array:
        check_floating(x)
        return x.clip(0, 1) ** params


class Shading(Transform):
    """Values times a smooth positive field over I and J, as of receive coils; all slices and frames alike.

    The field is the exponential of a cubic B-spline whose control points lie between -`strength` and `strength`.
    """

    spans: int = Field(default=2, ge=1, le=16, description="intervals between control points along each axis")
    strength: float = Field(default=0.5, ge=0, le=2, description="largest logarithm of the field")

    def draw(self, generator: np.random.Generator) -> Params:
        """Return (strength, seed of the field)."""
        return float(generator.uniform(0, self.strength)), int(generator.integers(_SEEDS))

    def apply(self, x: Array, params: Params = None) -> Array:
        check_floating(x)
        strength, seed = params
        field: NDArray[np.float64] = generator(seed).uniform(-strength, strength, (self.spans + 3,) * 2)
        first, second = positions(x, "IJ")
        for axis, length in enumerate((x.shape[first], x.shape[second])):
            field = along(field, axis, spline_matrix(length, self.spans))
        if first > second:
            field = field.T
        shape = [length if axis in (first, second) else 1 for axis, length in enumerate(x.shape)]
        return x * matched(np.exp(field).reshape(shape), x)


class Coarse(Transform):
    """I and J are sampled more coarsely and interpolated back: what a scanner with larger pixels would have seen.

    >>> Coarse(axes="I").apply(np.array([[[0.0, 0.0, 4.0, 4.0, 0.0, 0.0]]]), 3.0).round(2)
    array([[[1.5, 1.5, 1.5, 1.5, 1.5, 1.5]]])
    """

    axes: str = Field(default="IJ", pattern="^I?J?K?$", min_length=1, description="letters of the axes")
    factor: PositiveRange = Field(default=(1.0, 2.0), description="smallest and largest size of the larger pixels")

    def draw(self, generator: np.random.Generator) -> Params:
        return float(generator.uniform(*self.factor))

    def apply(self, x: Array, params: Params = None) -> Array:
        check_floating(x)
        for axis in positions(x, self.axes):
            old = x.shape[axis]
            new = max(round(old / params), 1)
            x = along(along(x, axis, resize_matrix(old, new, 1)), axis, resize_matrix(new, old, 1))
        return x


class Noise(Transform):
    """Gaussian noise of each value; with `magnitude` that of a magnitude image (Rician, Gudbjartsson 1995)."""

    sigma: tuple[float, float] = Field(default=(0.0, 0.08), description="smallest and largest standard deviation")
    magnitude: bool = Field(default=True, description="noise of the real and the imaginary part, then the magnitude")

    def draw(self, generator: np.random.Generator) -> Params:
        """Return (standard deviation, seed of the noise)."""
        return float(generator.uniform(*self.sigma)), int(generator.integers(_SEEDS))

    def apply(self, x: Array, params: Params = None) -> Array:
        check_floating(x)
        sigma, seed = params
        parts = sigma * generator(seed).standard_normal((2, *x.shape))
        noisy = x + matched(parts[0], x)
        return (noisy**2 + matched(parts[1], x) ** 2) ** 0.5 if self.magnitude else noisy
