"""Sums of products of neighbours, block by block: what the fit of the weights needs. Encoder only, floats.

Letters: N pictures, Y X padded rows and columns, B blocks, F features (neighbours, then the pixel itself).
"""

# mypy: ignore-errors
# (Numba has rules of its own for the types of numbers.)

from __future__ import annotations

from typing import Any

import numpy as np

from vesalius.codec.coders.wls.compiled import compiled

Array = Any
_PAD = 5


@compiled
def grams(  # noqa: C901 - one loop, for speed
    x_NYX: Array,
    errors_NJI: Array,
    skip_JI: Array,
    frames: Array,
    stride: int,
    offsets: Array,
    reference: int,
    block: int,
    weighted: bool,
    grams_BFF: Array,
    energy: Array,
) -> None:
    """Add to grams_BFF[b, f, g] = sum over pixels of weight * feature f * feature g, for g from f on.

    Features are differences to the neighbour number `reference`, whose own feature is its value. Every `stride`-th
    pixel of each block is used. With `weighted`, weight = 1 / (1 + mean error around)**2. energy[b] = sum of weights.
    """
    rows, columns = skip_JI.shape
    width = x_NYX.shape[2]
    plane = x_NYX.shape[1] * width
    flat = x_NYX.ravel()
    n_taps = offsets.shape[0]
    features = grams_BFF.shape[2]
    batch = np.zeros((4, features), np.float32)
    scaled = np.zeros((4, features), np.float32)
    blocks_i = (columns + block - 1) // block
    for b in range(grams_BFF.shape[0]):
        gram = grams_BFF[b]
        j0, i0 = (b // blocks_i) * block, (b % blocks_i) * block
        held, clock = 0, 0
        for f in range(frames.shape[0]):
            t = frames[f]
            for j in range(j0, min(j0 + block, rows)):
                for i in range(i0, min(i0 + block, columns)):
                    if skip_JI[j, i]:
                        continue
                    clock += 1
                    if clock < stride:
                        continue
                    clock = 0
                    place = t * plane + (j + _PAD) * width + i + _PAD
                    weight = _weight(errors_NJI, t, j, i) if weighted else np.float32(1)
                    base = np.float32(flat[place + offsets[reference]])
                    v, u = batch[held], scaled[held]
                    for w in range(n_taps):
                        v[w] = np.float32(flat[place + offsets[w]]) - base
                    v[reference] = base
                    v[n_taps] = np.float32(flat[place]) - base
                    for w in range(n_taps + 1):
                        u[w] = v[w] * weight
                    energy[b] += weight
                    held += 1
                    if held == 4:
                        _add(gram, batch, scaled, n_taps + 1)
                        held = 0
        if held:
            scaled[held:] = 0
            _add(gram, batch, scaled, n_taps + 1)


@compiled
def _weight(errors_NJI: Array, t: int, j: int, i: int) -> float:
    """1 / (1 + mean error around)**2; the nearest count twice."""
    columns, rows = errors_NJI.shape[2], errors_NJI.shape[1]
    total, count = np.int64(0), 0
    if i > 0:
        total, count = total + 2 * np.int64(errors_NJI[t, j, i - 1]), count + 2
    if j > 0:
        total, count = total + 2 * np.int64(errors_NJI[t, j - 1, i]), count + 2
        total, count = total + np.int64(errors_NJI[t, j - 1, max(i - 1, 0)]), count + 1
        total, count = total + np.int64(errors_NJI[t, j - 1, min(i + 1, columns - 1)]), count + 1
    if t > 0:
        total, count = total + 2 * np.int64(errors_NJI[t - 1, j, i]), count + 2
        total, count = total + np.int64(errors_NJI[t - 1, j, min(i + 1, columns - 1)]), count + 1
        total, count = total + np.int64(errors_NJI[t - 1, min(j + 1, rows - 1), i]), count + 1
    scale = 1 + np.float32(total) / np.float32(max(count, 1))
    return np.float32(1 / (scale * scale))


@compiled
def _add(gram: Array, batch: Array, scaled: Array, used: int) -> None:
    """Four outer products at a time: the upper triangle, rounded down to whole eights."""
    features = gram.shape[1]
    v0, v1, v2, v3 = batch[0], batch[1], batch[2], batch[3]
    for f in range(used):
        a, b, c, d = scaled[0, f], scaled[1, f], scaled[2, f], scaled[3, f]
        start = f & ~7
        row = gram[f, start:features]
        w0, w1, w2, w3 = v0[start:], v1[start:], v2[start:], v3[start:]
        for g in range(features - start):
            row[g] += a * w0[g] + b * w1[g] + c * w2[g] + d * w3[g]


@compiled
def absolute_errors(x_NYX: Array, lags: Array, offsets: Array, weights: Array, errors_NJI: Array) -> None:
    """errors_NJI = |prediction - pixel|; where a picture back is missing, the picture itself stands in."""
    count, rows, columns = errors_NJI.shape
    sums = np.zeros(columns, np.float32)
    for t in range(count):
        for j in range(rows):
            sums[:] = 0
            for w in range(weights.shape[0]):
                back = lags[w] if t >= lags[w] else 0
                y, x = j + _PAD + offsets[w, 0], _PAD + offsets[w, 1]
                row = x_NYX[t - back, y, x : x + columns]
                factor = weights[w]
                for i in range(columns):
                    sums[i] += factor * np.float32(row[i])
            row = x_NYX[t, j + _PAD, _PAD : _PAD + columns]
            out = errors_NJI[t, j]
            for i in range(columns):
                out[i] = np.uint16(min(abs(sums[i] - np.float32(row[i])) + np.float32(0.5), np.float32(65535)))
