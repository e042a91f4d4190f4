"""Effects of a CT scanner: blur, beam hardening, motion, noise, rounding.

Letters: I columns, J rows, K slices.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, shift

from vesalius.phantom.head_ct.options import HeadCtOptions

LOWEST, HIGHEST = -1024, 3071
Image = NDArray[np.float32]


def reconstruct(ideal_IJK: Image, options: HeadCtOptions, pixel_mm: float) -> Image:
    """Apply the blur of the reconstruction kernel to each slice."""
    sigma = options.kernel_mm / pixel_mm
    return gaussian_filter(ideal_IJK, (sigma, sigma, 0), truncate=3) if sigma > 0 else ideal_IJK


def add_motion(image_IJK: Image, random: np.random.Generator, pixel_mm: float) -> list[int]:
    """Blur some neighbouring slices in place, as by a turning head, and return which."""
    slices = image_IJK.shape[2]
    first, count = int(random.integers(0, max(1, slices - 3))), int(random.integers(2, 5))
    moved = list(range(first, min(slices, first + count)))
    way_mm = random.normal(0, 1, 2)
    way = way_mm / max(1e-6, float(np.linalg.norm(way_mm))) * random.uniform(2, 5) / pixel_mm
    for k in moved:
        picture = image_IJK[..., k]
        ghosts = [shift(picture, way * share, order=1, mode="nearest") for share in (-0.5, 0.0, 0.5)]
        image_IJK[..., k] = np.mean(ghosts, axis=0)
    return moved


def add_noise(image_IJK: Image, options: HeadCtOptions, random: np.random.Generator, pixel_mm: float) -> None:
    """Add noise of the requested standard deviation in place, correlated within each slice."""
    noise = random.standard_normal(image_IJK.shape, dtype=np.float32)
    sigma = options.noise_kernel_mm / pixel_mm
    if sigma > 0:
        noise = gaussian_filter(noise, (sigma, sigma, 0), truncate=3)
        noise /= noise.std()
    image_IJK += np.float32(options.noise_hu) * noise


def to_stored(image_IJK: Image) -> NDArray[np.int16]:
    """Return HU as a scanner stores them."""
    return np.clip(np.rint(image_IJK), LOWEST, HIGHEST).astype(np.int16)
