"""The integers that are part of the stream format: they never change for version 1 of the coder."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

PAD = 5
"""Pixels by which a picture is grown on each side: no neighbour is farther away."""


def _near(before: bool) -> tuple[tuple[int, int], ...]:
    """Return (rows, columns) to the neighbours, by distance, then by rows apart, rows, columns."""
    reach = range(-PAD, PAD + 1)
    places = [(j, i) for j in reach for i in reach if (before or (j, i) < (0, 0)) and j * j + i * i <= PAD * PAD]
    return tuple(
        sorted((p for p in places if before or p[0] or p[1] >= -4), key=lambda p: (p[0] ** 2 + p[1] ** 2, abs(p[0]), p))
    )


NOW = _near(before=False)
"""The neighbours in the same picture, in the order of their weights; four at most in the same row."""
BEFORE = _near(before=True)
"""The same for the picture before, and for the one before that."""

_AROUND = ((-1, 0), (-1, -1), (-1, 1), (-2, 0), (-2, -1), (-2, 1), (-1, -2), (-1, 2))
_CROSS = ((0, 0), (0, -1), (0, 1), (-1, 0), (1, 0))
SCALE_PLACES = (
    *((0, *place) for place in _AROUND),
    *((1, *place) for place in (*_CROSS, (-1, -1), (-1, 1), (1, -1), (1, 1))),
    *((3, *place) for place in _CROSS),
    *((2, 0, 0), (0, -1, 0)),
)
"""Places of the errors that give the scale of a pixel: (pictures back, or 3 for the running mean; rows; columns).
The first 8 count in the first picture; the last is padding."""
SCALE_FIRST = (220, 80, 200, 110, 120, 80, 38, 38, 38, 38)
"""Weights (1/1024) in the first picture: W, WW, then the first 8 places."""
SCALE = (76, 60, 64, 35, 35, 40, 24, 24, 24, 24, 50, 28, 28, 28, 28, 22, 22, 22, 22, 12, 6, 6, 6, 6, 26, 0)
"""Weights in all others: W, WW, then all places."""

CONTEXTS = 76
FINE = 16
SYMBOLS = 97
ESCAPE = 96
MIDDLE = 48
PRIOR_WEIGHT = 3072
"""Initial counts of a context; each symbol adds INCREMENT."""
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
    """Counts (3 * CONTEXTS, SYMBOLS) before the first symbol: three geometric distributions about each scale."""
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
    return np.array(rows * 3, np.int32)
