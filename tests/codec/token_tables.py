"""Tables and tokens for the tests of token streams, by whole numbers alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def numbers(count: int, seed: int) -> NDArray[np.int64]:
    """Return numbers from 0 to 32767 of a linear congruential generator."""
    state, out = seed * 7919 + 1, []
    for _ in range(count):
        state = (state * 1103515245 + 12345) % (1 << 31)
        out.append(state >> 16)
    return np.array(out)


def cell_tables(components: int, *, hidden: int = 5, rates: tuple[int, int, int] = (131, 1311, 900)) -> dict[str, Any]:
    """Return tables in which every number plays a part."""

    def table(seed: int, span: int, *shape: int) -> NDArray[np.int64]:
        return (numbers(int(np.prod(shape)), seed) % (2 * span + 1) - span).reshape(shape)

    return {
        "qualities": np.array([30, 40]),
        "weights": table(1, 300, 32, hidden),
        "bias": table(2, 60000, components, hidden),
        "quality_bias": table(3, 60000, 2, hidden),
        "out": table(4, 900, 3, hidden),
        "level": table(5, 500, components, 3),
        "tail": table(6, 300, 14),
        "signs": table(7, 90, components, 5),
        "related": np.array([[m - 2, m - 1, -1] for m in range(components)]).clip(-1),
        "rates": np.array(rates),
    }


def cell_tokens(shape_GLM: tuple[int, int, int], spread: int, seed: int = 11) -> NDArray[np.int32]:
    """Return tokens that get smaller with their component, some of them large."""
    groups, places, components = shape_GLM
    draws = numbers(2 * groups * places * components, seed).reshape(2, *shape_GLM)
    size = spread * (draws[0] % 64) ** 3 // (64**3 * (1 + np.arange(components)))
    return np.where(draws[1] % 2 == 0, size, -size).astype(np.int32)
