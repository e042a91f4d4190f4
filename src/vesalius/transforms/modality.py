"""Modalities that are missing."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from vesalius.errors import UsageError
from vesalius.transforms.arrays import Array, letters
from vesalius.transforms.transform import Params, Transform


class ModalityDropout(Transform):
    """Each channel is set to a value with a probability; one, drawn beforehand, always stays.

    For floating x_CJI, x_CIJK and x_CTIJK; masks stay as they are.
    """

    channels: int = Field(ge=2, description="channels of the image")
    p: float = Field(default=0.25, ge=0, le=1, description="probability for each channel but one")
    fill: float = Field(default=0.0, description="value of a missing channel")

    def draw(self, generator: np.random.Generator) -> Params:
        """The numbers of the missing channels."""
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
