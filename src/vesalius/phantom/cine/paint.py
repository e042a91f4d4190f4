"""Painting a slice with water and fat, with soft edges, and smooth random fields for its texture.

Water and fat are painted separately. In a balanced sequence the two are out of phase, so a voxel shows their
difference: every border of fat and water has the dark line that is typical of such images. The fields are sums of plane
waves, the same at every matrix size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Field = NDArray[np.float32]
BLOOD = 1.0
MUSCLE = 0.34
MYOCARDIUM = 0.36
LIVER = 0.42
SPLEEN = 0.5
FAT = 1.15
LUNG = 0.045
AIR = 0.0
CORTEX = 0.05
"""Signals of tissues in a balanced cine relative to LV blood."""


class Canvas:
    """Water and fat of a slice or of a window in it, changed in place; an edge fades over `edge_mm`, about a voxel."""

    def __init__(self, water: Field, fat: Field, edge_mm: float) -> None:
        self.water, self.fat, self.edge_mm = water, fat, edge_mm

    def lay(self, cover: Field, water: ArrayLike = 0.0, fat: ArrayLike = 0.0) -> None:
        """Paint a tissue over the existing ones: `cover` is 0 to 1."""
        for signal, tissue in ((self.water, water), (self.fat, fat)):
            change = np.subtract(np.asarray(tissue, np.float32), signal)
            change *= cover
            signal += change

    def inside(self, depth_mm: ArrayLike) -> Field:
        """Return the cover of a region from the depth below its border, negative outside."""
        return np.clip(np.asarray(depth_mm, np.float32) * np.float32(1 / self.edge_mm) + np.float32(0.5), 0, 1)

    def magnitude(self) -> Field:
        """Return the signal without coils and noise."""
        return np.abs(self.water - self.fat)


def ellipse(x: ArrayLike, y: ArrayLike, radii: tuple[float, float], turned: float = 0.0) -> Field:
    """Return the approximate depth in mm below the border of an ellipse around the origin, exact on the short axis."""
    c, s = np.cos(turned), np.sin(turned)
    u = (np.asarray(x) * c + np.asarray(y) * s) / radii[0]
    v = (np.asarray(y) * c - np.asarray(x) * s) / radii[1]
    return ((1 - np.sqrt(u * u + v * v)) * min(radii)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Waves:
    """A field of mean 0 and standard deviation 1: wave vectors (N, 3) in radians per mm, and phases (N) in radians."""

    vectors: NDArray[np.float64]
    phases: NDArray[np.float64]

    def __call__(self, x: ArrayLike, y: ArrayLike, z: ArrayLike = 0.0) -> NDArray[np.float32]:
        """Return the field at positions in mm; x, y and z broadcast."""
        x, y, z = (np.asarray(axis, np.float64) for axis in (x, y, z))
        total = np.zeros(np.broadcast_shapes(x.shape, y.shape, z.shape), np.float32)
        for (a, b, c), phase in zip(self.vectors, self.phases, strict=True):
            along, across = a * x, b * y + (c * z + phase)  # cos(a + b) from its parts needs fewer cosines
            total += np.cos(along).astype(np.float32) * np.cos(across).astype(np.float32)
            total -= np.sin(along).astype(np.float32) * np.sin(across).astype(np.float32)
        return total * np.float32(math.sqrt(2 / len(self.phases)))


def draw_waves(draw: np.random.Generator, length_mm: float, count: int = 10, z_length_mm: float = 60.0) -> Waves:
    """Draw waves in all directions of a slice, of about `length_mm` within it and `z_length_mm` across slices."""
    angle = draw.uniform(0, 2 * math.pi, count)
    number = 2 * math.pi / length_mm * draw.uniform(0.6, 1.4, count)
    across = draw.normal(0, 2 * math.pi / z_length_mm / 2, count)
    vectors = np.stack([number * np.cos(angle), number * np.sin(angle), across], axis=1)
    return Waves(vectors, draw.uniform(0, 2 * math.pi, count))
