"""Smooth random fields: sums of plane waves, the same at every matrix size."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class Waves:
    """A field of mean 0 and standard deviation 1 in up to three dimensions.

    Args:
        vectors: wave vectors in radians per mm, shape (N, 3).
        phases: in radians, shape (N,).
    """

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
