"""One frame or one slice of a scan, at its place in the world."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import UsageError
from vesalius.scan.geometry import Affine
from vesalius.scan.pixels import ALL, Pixels
from vesalius.scan.scan import Scan
from vesalius.scan.stack import SliceStack


@dataclass(frozen=True, eq=False)
class PartPixels:
    """The frames `t` and slices `k` of other pixels, still read lazily."""

    whole: Pixels
    t: range
    k: range

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        c, _, i, j, _ = self.whole.shape
        return c, len(self.t), i, j, len(self.k)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.whole.dtype

    @property
    def direct(self) -> bool:
        return self.whole.direct

    def read(self, t: slice = ALL, k: slice = ALL) -> NDArray[Any]:
        return self.whole.read(_slice(self.t[t]), _slice(self.k[k]))


def part(scan: Scan, *, t: int | None = None, k: int | None = None) -> Scan:
    """Return one frame `t`, one slice `k`, or both (numbers from 0); an axis that is None stays whole.

    The affine is shifted so that the voxels keep their world positions (RAS+ mm).

    Raises:
        UsageError: no such frame or slice.

    Example:
        >>> volume = Scan.from_array(np.zeros((4, 5, 6)), np.diag([1.0, 1.0, 2.0, 1.0]))
        >>> part(volume, k=3).affine[2, 3].item()
        6.0
    """
    frames, slices = _pick(t, scan.shape[1], "frame"), _pick(k, scan.shape[4], "slice")
    times = scan.frame_ms
    return replace(
        scan,
        pixels=PartPixels(scan.pixels, frames, slices),
        geometry=_geometry(scan.geometry, slices),
        intensity=scan.intensity.part(_slice(frames), _slice(slices)),
        frame_ms=None if times is None else tuple(times[frame] for frame in frames),
        native=None,
    )


def _pick(number: int | None, count: int, name: str) -> range:
    if number is None:
        return range(count)
    if not 0 <= number < count:
        raise UsageError(f"no {name} {number}", where=f"--{name}", fix=f"choose from 0 to {count - 1}")
    return range(number, number + 1)


def _geometry(geometry: Affine | SliceStack | None, slices: range) -> Affine | SliceStack | None:
    if isinstance(geometry, SliceStack):
        k = _slice(slices)
        thickness = geometry.thickness_mm
        if thickness is None and len(geometry) > 1 and geometry.grid_problem is None:
            thickness = float(geometry.gaps_mm[0])
        return SliceStack(geometry.origins_K3[k], geometry.steps_i_K3[k], geometry.steps_j_K3[k], thickness)
    if geometry is None:
        return None
    moved = geometry.copy()
    moved[:3, 3] += geometry[:3, 2] * slices.start
    return moved


def _slice(numbers: range) -> slice:
    if not numbers:
        return slice(0, 0)
    stop = None if numbers.stop < 0 else numbers.stop  # a range that counts down to 0 ends at -1
    return slice(numbers.start, stop, numbers.step)
