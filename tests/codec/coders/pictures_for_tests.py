"""Pictures that the coder tests share: a smooth beating disc with noise, and awkward ones."""

import numpy as np
from numpy.typing import NDArray


def beating(shape_NJI: tuple[int, int, int], bits: int, noise: float = 0.02, seed: int = 0) -> NDArray[np.uint16]:
    """A bright disc whose radius swings once over the N pictures, on a ramp, with Gaussian noise."""
    count, rows, columns = shape_NJI
    n, j, i = np.ogrid[:count, :rows, :columns]
    radius = (0.25 + 0.08 * np.sin(2 * np.pi * n / max(count, 2))) * max(rows, columns)
    distance = np.hypot(j - rows / 2, i - columns / 2)
    x = 0.2 + 0.2 * i / columns + 0.4 / (1 + np.exp(np.minimum(distance - radius, 50)))
    x = x + np.random.default_rng(seed).normal(0, noise, shape_NJI)
    return np.clip(np.rint(x * (2**bits - 1)), 0, 2**bits - 1).astype(np.uint16)


def awkward(shape_NJI: tuple[int, int, int], bits: int) -> dict[str, NDArray[np.uint16]]:
    """Pictures that coders get wrong: white noise, one value, the ends of the range side by side."""
    rng = np.random.default_rng(7)
    top = 2**bits - 1
    checks = np.indices(shape_NJI).sum(0) % 2 * top
    return {
        "noise": rng.integers(0, top, shape_NJI, endpoint=True).astype(np.uint16),
        "zero": np.zeros(shape_NJI, np.uint16),
        "full": np.full(shape_NJI, top, np.uint16),
        "checks": checks.astype(np.uint16),
        "sparse": np.where(rng.random(shape_NJI) < 0.02, top, 0).astype(np.uint16),
    }
