"""From real values to the range that a net expects. Deterministic; masks are unchanged.

For floating x_CJI, x_CIJK and x_CTIJK.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vesalius.errors import UsageError
from vesalius.transforms.arrays import Array, check_floating, letters, library, positions, through_numpy
from vesalius.transforms.intensity import per_channel
from vesalius.transforms.transform import Params, Range, Transform
from vesalius.transforms.window import percentile_range

Over = Literal["all", "nonzero"]
Window = tuple[float, Annotated[float, Field(gt=0)]]

NAMED_WINDOWS: dict[str, tuple[Window, ...]] = {
    "brain": ((40.0, 80.0),),
    "brain-subdural-bone": ((40.0, 80.0), (80.0, 200.0), (600.0, 2800.0)),
    "soft-tissue": ((40.0, 400.0),),
    "lung": ((-600.0, 1500.0),),
}
"""Center and width in HU of each channel."""


class ZScore(Transform):
    """Each channel minus its mean, divided by its standard deviation; a constant channel becomes 0.

    >>> ZScore(over="nonzero").apply(np.array([[[0.0, 2.0, 4.0]]]))
    array([[[ 0., -1.,  1.]]])
    """

    over: Over = Field(
        default="all", description="voxels that are measured; nonzero: all others stay 0 (brains without skull)"
    )

    def apply(self, x: Array, params: Params = None) -> Array:
        return _by_channel(x, self._scored)

    def _scored(self, values: NDArray[Any]) -> NDArray[Any]:
        inside = np.ones(values.shape, bool) if self.over == "all" else values != 0
        measured = values[inside]
        if not measured.size:
            return np.zeros_like(values)
        mean, spread = measured.mean(dtype=np.float64), measured.std(dtype=np.float64)
        return np.where(inside, (values - mean) / spread if spread > 0 else 0.0, 0.0)


class Percentiles(Transform):
    """Two percentiles of each channel become 0 and 1, clipped outside."""

    low: float = Field(default=0.5, ge=0, le=100, description="percentile that becomes 0")
    high: float = Field(default=99.5, ge=0, le=100, description="percentile that becomes 1")
    over: Over = Field(default="all", description="voxels that are measured; nonzero: all others stay 0")

    def apply(self, x: Array, params: Params = None) -> Array:
        return _by_channel(x, self._scaled)

    def _scaled(self, values: NDArray[Any]) -> NDArray[Any]:
        inside = np.ones(values.shape, bool) if self.over == "all" else values != 0
        low, high = percentile_range(values[inside], self.low, self.high)
        return np.where(inside, np.clip((values - low) / (high - low), 0, 1), 0.0)


class Standardize(Transform):
    """Values clipped, minus a given mean, divided by a given standard deviation.

    >>> Standardize(clip=(0, 4), mean=[2], std=[2]).apply(np.array([[[-9.0, 2.0, 9.0]]]))
    array([[[-1.,  0.,  1.]]])
    """

    clip: Range | None = Field(default=None, description="least and largest value")
    mean: tuple[float, ...] = Field(min_length=1, description="one for all channels, or one for each")
    std: tuple[Annotated[float, Field(gt=0)], ...] = Field(min_length=1, description="likewise")

    def apply(self, x: Array, params: Params = None) -> Array:
        check_floating(x)
        letters(x)
        for values in (self.mean, self.std):
            if len(values) not in (1, x.shape[0]):
                raise UsageError(f"{len(values)} numbers were given for {x.shape[0]} channels")
        clipped = x if self.clip is None else x.clip(*self.clip)
        return (clipped - per_channel(self.mean, x)) / per_channel(self.std, x)


class Windows(Transform):
    """One channel seen through windows: each window becomes a channel from 0 to 1, clipped outside.

    >>> Windows(windows=[(40, 80)]).apply(np.array([[[-9.0, 20.0, 99.0]]]))
    array([[[0.  , 0.25, 1.  ]]])
    """

    windows: tuple[Window, ...] | Literal["brain", "brain-subdural-bone", "soft-tissue", "lung"] = Field(
        description="center and width of each window in the unit of the values, or a name"
    )

    @property
    def first(self) -> tuple[float, float]:
        """Real values that the first window maps to 0 and 1."""
        center, width = self._each()[0]
        return center - width / 2, center + width / 2

    def channel_count(self, given: int) -> int:
        return given * len(self._each())

    def apply(self, x: Array, params: Params = None) -> Array:
        check_floating(x)
        _check_one_channel(x, "windows need one")
        shown = [((x[0] - center) / width + 0.5).clip(0, 1) for center, width in self._each()]
        return library(x).stack(shown, 0)

    def _each(self) -> Sequence[Window]:
        return NAMED_WINDOWS[self.windows] if isinstance(self.windows, str) else self.windows


class Repeat(Transform):
    """One channel becomes several equal ones, for nets that expect colours."""

    channels: int = Field(default=3, ge=1, description="channels of the result")

    def channel_count(self, given: int) -> int:
        return self.channels

    def apply(self, x: Array, params: Params = None) -> Array:
        _check_one_channel(x, "one is repeated")
        return library(x).concatenate([x] * self.channels, 0)


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


class Equalize(Transform):
    """Histogram equalization: values become the share of voxels below them, channel by channel; 0 and 1 stay.

    For values from 0 to 1 (clipped).
    """

    bins: int = Field(default=256, ge=2, le=65536, description="bins of the histogram from 0 to 1")

    def apply(self, x: Array, params: Params = None) -> Array:
        return _by_channel(x, self._equalized)

    def _equalized(self, values: NDArray[Any]) -> NDArray[Any]:
        values = np.clip(values, 0, 1)
        counts, edges = np.histogram(values, self.bins, (0, 1))
        shares = np.concatenate([[0.0], np.cumsum(counts) / values.size])
        equalized: NDArray[Any] = np.interp(values, edges, shares)
        return equalized


def _check_one_channel(x: Array, wanted: str) -> None:
    letters(x)
    if x.shape[0] != 1:
        raise UsageError(f"an image of {x.shape[0]} channels was given, {wanted}")


def _by_channel(x: Array, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Array:
    check_floating(x)
    letters(x)

    def changed(array: NDArray[Any]) -> NDArray[Any]:
        out = np.empty_like(array)
        for channel, values in enumerate(array):
            out[channel] = change(values)
        return out

    return through_numpy(x, changed)
