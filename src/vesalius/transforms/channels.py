"""Transforms of channels: neighbouring slices as further channels ("2.5D"), and missing modalities."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from vesalius.errors import UsageError
from vesalius.transforms.arrays import Array, letters, library, positions
from vesalius.transforms.transform import Params, Transform


class Neighbours(Transform):
    """Each slice along k gets its neighbours as further channels: a chamber ends where the next one begins.

    The channels of the slice `reach` below come first, then those of the slice nearer, and so on upwards. Beyond the
    ends of the stack the last slice is repeated.

    >>> Neighbours().apply(np.arange(3.0).reshape(1, 1, 1, 3))[:, 0, 0]
    array([[0., 0., 1.],
           [0., 1., 2.],
           [1., 2., 2.]])
    """

    reach: int = Field(default=1, ge=1, le=8, description="slices to either side")

    def channel_count(self, given: int) -> int:
        return given * (2 * self.reach + 1)

    def apply(self, x: Array, params: Params = None) -> Array:
        (k,) = positions(x, "K")
        count = x.shape[k]
        shifted = [
            x[..., [min(max(n + by, 0), count - 1) for n in range(count)]] for by in range(-self.reach, self.reach + 1)
        ]
        return library(x).concatenate(shifted, 0)


class ModalityDropout(Transform):
    """Each channel is set to a value with a probability; one channel, drawn first, always stays.

    For floating x_CJI, x_CIJK and x_CTIJK; masks are unchanged.

    >>> ModalityDropout(channels=2).apply(np.ones((2, 1, 2)), (1,))[:, 0]
    array([[1., 1.],
           [0., 0.]])
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
