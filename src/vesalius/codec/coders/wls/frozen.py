"""The integers that are part of the stream format: they never change for version 1 of the coder."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

NOW = (
    *((0, -1), (-1, 0), (-1, -1), (-1, 1), (0, -2), (-2, 0), (-1, -2), (-1, 2), (-2, -1), (-2, 1), (-2, -2)),
    *((-2, 2), (0, -3), (-3, 0), (-1, -3), (-1, 3), (-3, -1), (-3, 1), (-2, -3), (-2, 3), (-3, -2), (-3, 2)),
)
"""(rows, columns) to the neighbours in the same picture, in the order of their weights."""
BEFORE = (
    *((0, 0), (0, -1), (0, 1), (-1, 0), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1), (0, -2), (0, 2), (-2, 0), (2, 0)),
    *((-1, -2), (-1, 2), (1, -2), (1, 2), (-2, -1), (-2, 1), (2, -1), (2, 1), (-2, -2), (-2, 2), (2, -2), (2, 2)),
    *((0, -3), (0, 3), (-3, 0), (3, 0), (-1, -3), (-1, 3), (1, -3), (1, 3), (-3, -1), (-3, 1), (3, -1), (3, 1)),
)
"""The same for the picture before, and for the one before that."""
PAD = 3
"""Pixels by which a picture is grown on each side: no neighbour is farther away."""

SCALE_FIRST = (220, 80, 200, 110, 120, 80, 38, 0, 0, 0, 0, 0, 0)
SCALE = (76, 60, 64, 35, 35, 40, 24, 50, 28, 22, 100, 45, 26)
"""Weights (1/1024) of the errors around a pixel in its scale, in the first picture and in all others: W, WW, N, NW,
NE, NN, each of NNW NNE WNW ENE; one picture before: the same place, each of its 4 neighbours, each of its 4 diagonal
ones; the running mean: the same place, each of its 4 neighbours; two pictures before: the same place."""

CONTEXTS = 76
SYMBOLS = 97
ESCAPE = 96
MIDDLE = 48
PRIOR_WEIGHT = 1536
"""Counts that a context starts with; a symbol adds INCREMENT."""
INCREMENT = 32
MOST_SEEN = 12000
"""Symbols after which the counts of a context are halved."""


@cache
def context_table() -> NDArray[np.uint8]:
    """Context of a scale below 4096 (1/16): four steps an octave."""
    table = [s if s < 4 else 4 * (s.bit_length() - 2) + (s >> (s.bit_length() - 3) & 3) for s in range(4096)]
    return np.array(table, np.uint8)


@cache
def prior() -> NDArray[np.int32]:
    """Counts (CONTEXTS, SYMBOLS) before the first symbol: three geometric distributions about the scale."""
    rows = []
    for context in range(CONTEXTS):
        low_bits = max(0, context // 4 - 5)
        scale = context if context < 4 else (4 + context % 4) << (context // 4 - 1)  # lower end of the context, 1/16
        mean = max(2, scale >> low_bits)
        shares = [0] * ESCAPE
        for spread in (mean * 5 // 8, mean, mean * 2):
            decay = 65536 * spread // (spread + 16)
            powers = [1 << 30]
            for _ in range(MIDDLE):
                powers.append(powers[-1] * decay >> 16)
            places = [q if q >= 0 else (-q if low_bits == 0 else -q - 1) for q in range(-MIDDLE, MIDDLE)]
            total = sum(powers[place] for place in places)
            shares = [old + (powers[place] << 20) // total for old, place in zip(shares, places, strict=True)]
        rows.append([share * PRIOR_WEIGHT // (3 << 20) for share in shares] + [1])
    return np.array(rows, np.int32)
