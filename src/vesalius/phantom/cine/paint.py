"""Painting a slice with water and fat, with soft edges.

Water and fat are painted separately. In a balanced sequence the two are out of phase, so a voxel shows their
difference: every border of fat and water has the dark line that is typical of such images.
"""

from __future__ import annotations

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
MARROW = 0.45
"""Signals of tissues in a balanced cine relative to LV blood; MARROW is its fat."""


class Canvas:
    """Water and fat of one slice or of a window in it.

    Args:
        water: signal of water, changed in place.
        fat: signal of fat, changed in place.
        edge_mm: width over which an edge fades: about one voxel.
    """

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
