"""What the scanner adds: receive coils, dark off-resonance bands, noise.

Letters: I columns, J rows, K slices.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vesalius.phantom.cine.grid import Grid
from vesalius.phantom.cine.waves import draw_waves

_COILS_MM = ((-95.0, -60.0), (-45.0, -112.0), (35.0, -118.0), (-118.0, 15.0), (105.0, 105.0), (130.0, 20.0))
"""Centres of the receive coils relative to the heart: most on the front of the chest, two at the back and side."""
_REACH_MM = 62.0
_NULL = 0.02
"""Narrowness of a band: about the share of the half-width at which the signal has fallen to one half."""


def coil_shading(grid: Grid, strength: float, draw: np.random.Generator) -> NDArray[np.float32]:
    """Return the sensitivity of the receive coils, shape (K, I, J); 1 at the heart."""
    places = grid.places_mm().astype(np.float32)
    x, y = places[None, :, None], places[None, None, :]
    heart = grid.axis_K2.mean(axis=0)
    depth = (grid.z_K - grid.z_K.mean())[:, None, None].astype(np.float32)
    total = np.zeros((grid.slices, grid.size, grid.size), np.float32)
    for a, b in _COILS_MM:
        at = (heart + np.array([a, b]) + draw.normal(0, 8.0, 2)).astype(np.float32)
        away = (x - at[0]) ** 2 + ((y - at[1]) ** 2 + (depth - draw.normal(20.0, 15.0)) ** 2)
        fall = np.float32(1) + away / np.float32(_REACH_MM**2)
        total += draw.uniform(0.7, 1.3) / (fall * fall)
    root = np.sqrt(total)
    i, j = (int(np.argmin(np.abs(grid.places_mm() - place))) for place in heart)
    even = root / root[grid.slices // 2, i, j]
    return (even**strength).astype(np.float32)


def banding(grid: Grid, strength: float, draw: np.random.Generator) -> NDArray[np.float32]:
    """Return the share of the signal that off-resonance leaves, shape (K, I, J); dark at half a turn of the spins."""
    x = grid.places_mm()[None, :, None] - grid.axis_K2[:, 0, None, None]
    y = grid.places_mm()[None, None, :] - grid.axis_K2[:, 1, None, None]
    z = (grid.z_K - grid.z_K.mean())[:, None, None]
    slope = draw.normal(0, 0.0022, 2)
    turns = slope[0] * x + slope[1] * y + 3.2e-5 * draw.uniform(0.5, 1.3) * (x * x + y * y)
    turns += draw.uniform(0.1, 0.25) * np.exp(-(((x - 40) / 30) ** 2 + ((y - 45) / 25) ** 2))  # lung meets diaphragm
    turns += 0.05 * draw_waves(draw, 120.0)(x, y, z) + draw.normal(0, 0.03)
    half = np.cos(math.pi * strength * turns / 2) ** 2
    return (half * (1 + _NULL) / (half + _NULL)).astype(np.float32)


def add_noise(signal_KIJ: NDArray[np.float32], sigma: float, draw: np.random.Generator) -> NDArray[np.float32]:
    """Return the magnitude of the signal with complex Gaussian noise of `sigma`: Rician (Gudbjartsson 1995)."""
    real, imaginary = (draw.standard_normal(signal_KIJ.shape, dtype=np.float32) for _ in range(2))
    real *= np.float32(sigma)
    real += signal_KIJ
    imaginary *= np.float32(sigma)
    real *= real
    imaginary *= imaginary
    real += imaginary
    return np.sqrt(real, out=real)
