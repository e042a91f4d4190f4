"""What lies above and below, for nets that look at one slice."""

from __future__ import annotations

from pydantic import Field

from vesalius.transforms.arrays import Array, library, positions
from vesalius.transforms.transform import Params, Transform


class Neighbours(Transform):
    """Each slice along k gets its neighbours as further channels ("2.5D"): a chamber ends where the next one begins.

    The channels of the slice `reach` below come first, then those of the slice nearer, and so on upwards. Beyond the
    ends of the stack the last slice is taken again.
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
