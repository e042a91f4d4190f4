"""Sums of products of neighbours, block by block: what the fit of the weights needs. Encoder only, floats.

Letters: N pictures, Y X padded rows and columns, B blocks, F features (neighbours, then the pixel itself), P pairs of
features: row after row of an upper triangle, each row from the multiple of eight at or before its diagonal on.
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
    first: int,
    last: int,
    grams_BP: Array,
    energy: Array,
) -> None:
    """Add to grams_BP[b, pair of f and g] = sum over pixels of weight * feature f * feature g, for first <= b < last.

    Features are differences to the neighbour number `reference`, whose own feature is its value. Every `stride`-th
    pixel of each block is used. With `weighted`, weight = 1 / (1 + mean error around)**2. energy[b] = sum of weights.
    """
    rows, columns = skip_JI.shape
    width = x_NYX.shape[2]
    plane = x_NYX.shape[1] * width
    flat = x_NYX.ravel()
    n_taps = offsets.shape[0]
    features = (n_taps + 8) & ~7
    batch = np.zeros((8, features), np.float32)
    scaled = np.zeros((8, features), np.float32)
    blocks_i = (columns + block - 1) // block
    for b in range(first, last):
        gram = grams_BP[b]
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
                    if held == 8:
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
def _add(gram_P: Array, batch: Array, scaled: Array, used: int) -> None:
    """Eight outer products at a time."""
    features = batch.shape[1]
    place = 0
    for first in range(0, features, 8):
        width = features - first
        v0, v1, v2, v3 = batch[0, first:], batch[1, first:], batch[2, first:], batch[3, first:]
        v4, v5, v6, v7 = batch[4, first:], batch[5, first:], batch[6, first:], batch[7, first:]
        for f in range(first, min(first + 8, used)):
            a, b, c, d = scaled[0, f], scaled[1, f], scaled[2, f], scaled[3, f]
            p, q, r, s = scaled[4, f], scaled[5, f], scaled[6, f], scaled[7, f]
            row = gram_P[place + (f - first) * width : place + (f - first + 1) * width]
            for g in range(width):
                near = (a * v0[g] + b * v1[g]) + (c * v2[g] + d * v3[g])
                row[g] += near + ((p * v4[g] + q * v5[g]) + (r * v6[g] + s * v7[g]))
        place += 8 * width


@compiled
def absolute_errors(
    x_NYX: Array, lags: Array, offsets: Array, weights: Array, first: int, last: int, errors_NJI: Array
) -> None:
    """errors_NJI = |prediction - pixel| of pictures first to last - 1; a picture itself stands in for a missing one."""
    _, rows, columns = errors_NJI.shape
    sums = np.zeros(columns, np.float32)
    for t in range(first, last):
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
