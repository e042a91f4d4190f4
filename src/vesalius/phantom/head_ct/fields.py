"""Smooth random fields and simple solids, evaluated at points.

Letters: N points, given as three float32 arrays x_N, y_N, z_N in mm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Values = NDArray[np.float32]
Point = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Points:
    """Points in the head's own frame, mm: x to the right, y forward, z up, the origin between the ventricles."""

    x: Values
    y: Values
    z: Values

    def __len__(self) -> int:
        return len(self.x)

    def at(self, chosen_N: NDArray[np.bool_] | NDArray[np.integer]) -> Points:
        """Return the chosen points."""
        return Points(self.x[chosen_N], self.y[chosen_N], self.z[chosen_N])


@dataclass(frozen=True, eq=False)
class RandomField:
    """A band-passed random field with mean 0 and standard deviation 1, periodic in space."""

    lattice: Values
    step_mm: float

    @classmethod
    def draw(cls, random: np.random.Generator, wavelength_mm: float, size: int = 48) -> RandomField:
        """Draw a field with details about half of `wavelength_mm` wide, eight lattice points per wave."""
        white = random.standard_normal((size, size, size), dtype=np.float32)
        fine = ndimage.gaussian_filter(white, 1.3, mode="wrap")
        lattice = fine - ndimage.gaussian_filter(fine, 2.2, mode="wrap")
        return cls(((lattice - lattice.mean()) / lattice.std()).astype(np.float32), wavelength_mm / 8)

    def at(self, p: Points) -> Values:
        """Return the values (N) at the points."""
        where = np.stack([p.x, p.y, p.z])
        where *= np.float32(1 / self.step_mm)
        return ndimage.map_coordinates(self.lattice, where, order=1, mode="grid-wrap", output=np.float32)

    def slope_per_mm(self) -> float:
        """Return the root mean square of the gradient's component across one direction pair, per mm."""
        steps = np.gradient(self.lattice, self.step_mm)
        return float(np.sqrt(sum(np.mean(gradient**2) for gradient in steps)))


def bump(value: Values, width: float) -> Values:
    """Return exp(-(value / width)^2), 1 at 0."""
    return np.exp(-((value * np.float32(1 / width)) ** 2))


def step(value: Values, width: float) -> Values:
    """Return a smooth step from 0 (far below 0) to 1 (far above)."""
    return np.float32(0.5) + np.float32(0.5) * np.tanh(value * np.float32(0.5 / width))


def ellipsoid(p: Points, centre: Point, radii: Point) -> Values:
    """Return the distance from the centre in radii: 1 on the surface, less inside."""
    a, b, c = (np.float32(1 / radius) for radius in radii)
    squares = ((p.x - np.float32(centre[0])) * a) ** 2 + ((p.y - np.float32(centre[1])) * b) ** 2
    return np.sqrt(squares + ((p.z - np.float32(centre[2])) * c) ** 2)


def tube(p: Points, line: Sequence[Point], radii: Sequence[float]) -> Values:
    """Return the distance in mm to a tube of changing radius along a line of points; negative inside."""
    best = np.full(len(p), np.inf, np.float32)
    for start, end, r0, r1 in zip(line[:-1], line[1:], radii[:-1], radii[1:], strict=True):
        np.minimum(best, _capsule(p, start, end, r0, r1), out=best)
    return best


def _capsule(p: Points, start: Point, end: Point, r0: float, r1: float) -> Values:
    along = np.subtract(end, start).astype(np.float32)
    dx, dy, dz = (axis - np.float32(origin) for axis, origin in zip((p.x, p.y, p.z), start, strict=True))
    share = np.clip((dx * along[0] + dy * along[1] + dz * along[2]) / np.float32(along @ along), 0, 1)
    dx, dy, dz = dx - share * along[0], dy - share * along[1], dz - share * along[2]
    return np.sqrt(dx * dx + dy * dy + dz * dz) - (np.float32(r0) + share * np.float32(r1 - r0))
