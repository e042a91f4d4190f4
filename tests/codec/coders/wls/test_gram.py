import numpy as np
import pytest

from vesalius.codec.coders.wls import frozen
from vesalius.codec.coders.wls.gram import absolute_errors, grams

TAPS = [(0, 0, -1), (0, -1, 0), (1, 0, 0), (1, 1, 1), (2, 0, 0)]
REFERENCE = 2


def pictures(shape=(4, 13, 11)):
    return np.random.default_rng(1).integers(0, 500, shape).astype(np.uint16)


def padded(x_NJI):
    return np.pad(x_NJI, ((0, 0), (frozen.PAD,) * 2, (frozen.PAD,) * 2), mode="edge")


def slow(x_NJI, skip_JI, frames, block, errors_NJI=None):
    """Gram matrices of all blocks, pixel by pixel."""
    grown = padded(x_NJI).astype(float)
    _, rows, columns = x_NJI.shape
    blocks = -(-columns // block)
    made = {}
    for t in frames:
        for j in range(rows):
            for i in range(columns):
                if skip_JI[j, i]:
                    continue
                values = [grown[t - n, j + dj + 5, i + di + 5] for n, dj, di in TAPS]
                base = values[REFERENCE]
                v = np.array([*values, grown[t, j + 5, i + 5]]) - base
                v[REFERENCE] = base
                weight = 1.0 if errors_NJI is None else weight_at(errors_NJI, t, j, i)
                key = (j // block) * blocks + i // block
                made[key] = made.get(key, 0) + weight * np.outer(v, v)
    return made


def weight_at(errors_NJI, t, j, i):
    rows, columns = errors_NJI.shape[1:]
    right, left = min(i + 1, columns - 1), max(i - 1, 0)
    near = []
    if i:
        near += [errors_NJI[t, j, i - 1]] * 2
    if j:
        near += [errors_NJI[t, j - 1, i]] * 2 + [errors_NJI[t, j - 1, left], errors_NJI[t, j - 1, right]]
    before = errors_NJI[t - 1]
    near += [before[j, i]] * 2 + [before[j, right], before[min(j + 1, rows - 1), i]]
    return 1 / (1 + np.mean(near)) ** 2


@pytest.mark.parametrize("weighted", [False, True])
def test_sums_of_products_by_blocks(weighted):
    x_NJI = pictures()
    skip_JI = np.zeros((13, 11), bool)
    skip_JI[3:5, 2:9] = True
    errors_NJI = np.random.default_rng(2).integers(0, 60, x_NJI.shape).astype(np.uint16)
    grown = padded(x_NJI)
    width = grown.shape[2]
    offsets = np.array([-n * grown.shape[1] * width + dj * width + di for n, dj, di in TAPS], np.int64)
    made, energy = np.zeros((4, 64), np.float32), np.zeros(4, np.float32)
    frames = np.array([2, 3])
    for part in ((0, 1), (1, 4)):
        grams(grown, errors_NJI, skip_JI, frames, 1, offsets, REFERENCE, 8, weighted, *part, made, energy)
    expected = slow(x_NJI, skip_JI, frames, 8, errors_NJI if weighted else None)
    for block, gram in expected.items():
        upper = np.triu_indices(6)
        np.testing.assert_allclose(made[block].reshape(8, 8)[upper], gram[upper], rtol=1e-5, atol=1e-2)
    if not weighted:
        assert energy.sum() == 2 * (~skip_JI).sum()


def test_rows_of_pairs_begin_at_the_eight_before_the_diagonal():
    """19 features, 24 with the filling: 8 rows of 24, 8 of 16, 8 of 8."""
    x_NJI, skip_JI = pictures((1, 8, 8)), np.zeros((8, 8), bool)
    grown = padded(x_NJI)
    places = [(dj, di) for dj in (-3, -2, -1) for di in range(-3, 3)]
    offsets = np.array([dj * grown.shape[2] + di for dj, di in places], np.int64)
    made = np.zeros((1, 8 * (24 + 16 + 8)), np.float32)
    none = np.zeros((1, 1, 1), np.uint16)
    grams(grown, none, skip_JI, np.array([0]), 1, offsets, 4, 8, False, 0, 1, made, np.zeros(1, np.float32))
    values = np.stack([grown[0, 5 + dj : 13 + dj, 5 + di : 13 + di].ravel() for dj, di in [*places, (0, 0)]]).astype(
        float
    )
    base = values[4].copy()
    values -= base
    values[4] = base
    expected, place = values @ values.T, 0
    for f in range(24):
        first = f // 8 * 8
        row, place = made[0, place : place + 24 - first], place + 24 - first
        if f < 19:
            np.testing.assert_allclose(row[: 19 - first], expected[f, first:], rtol=1e-5)
        assert not row[19 - first :].any()
        assert f < 19 or not row.any()


def test_errors_of_a_predictor():
    x_NJI = pictures()
    weights = np.array([0.5, 0.25, 0.125, 0.1, 0.05], np.float32)
    errors_NJI = np.empty_like(x_NJI)
    lags, places = np.array([tap[0] for tap in TAPS]), np.array([tap[1:] for tap in TAPS])
    for part in ((0, 3), (3, 4)):
        absolute_errors(padded(x_NJI), lags, places, weights, *part, errors_NJI)
    grown = padded(x_NJI).astype(float)
    guess = sum(
        w * grown[1:3, 5 + dj : 18 + dj, 5 + di : 16 + di] if n == 1 else
        w * grown[2 - n : 4 - n, 5 + dj : 18 + dj, 5 + di : 16 + di]
        for w, (n, dj, di) in zip(weights, TAPS, strict=True)
    )  # fmt: skip
    np.testing.assert_allclose(errors_NJI[2:], np.abs(guess - x_NJI[2:]), atol=0.51)
