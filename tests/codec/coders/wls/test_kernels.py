"""The integer part alone, on a model without a fit: the same bytes on every machine, for ever."""

import hashlib

import numpy as np
import pytest

from codec.second_wls import wls
from vesalius.codec.coders.wls.coder import Wls, encode_with
from vesalius.codec.coders.wls.model import Model, taps_of


def phantom(bits):
    """Integers only: a bright square that moves over a ramp, and noise of a congruence."""
    n, j, i = np.indices((6, 45, 52))
    noise = (n * 7919 + j * 104729 + i * 1299709) * 2654435761 >> 13 & 7
    square = (abs(j - 20 - n) < 9) & (abs(i - 25) < 11)
    x = (1 << bits - 2) * square + (i + 2 * j << bits - 8 if bits >= 8 else i >> 4) + (noise >> max(0, 8 - bits))
    x[:, :3] = 0
    x[:, :, 50:] = 0
    return np.minimum(x, (1 << bits) - 1).astype(np.uint16)


def model_of(x_NJI, classes):
    """Weights that anyone can write down: the pixel before, W + N - NW, and a difference between classes."""
    neighbours = (12, 9, 1)
    weights = []
    for level in range(3):
        taps = taps_of(neighbours, level)
        row = np.zeros(len(taps), np.int16)
        row[taps.index((0, 0, -1))] = row[taps.index((0, -1, 0))] = 2048
        if level:
            row[taps.index((0, 0, -1))], row[taps.index((0, -1, 0))], row[taps.index((1, 0, 0))] = 1024, 1024, 2048
        rows = np.stack([row] * (classes if level == 2 else 1))
        rows[:, 2] += np.arange(len(rows), dtype=np.int16) * 3
        weights.append(rows)
    blocks = (np.indices((6, 7)).sum(axis=0) % classes).astype(np.uint8)
    mask = ~x_NJI.any(axis=0)
    return Model(neighbours, 12, 3, int(x_NJI.max()), blocks, tuple(weights), mask if mask.any() else None)


DIGESTS = {8: "77672ba15e69ad50", 12: "b2fda147042b0454", 16: "593fc6dd6820c9be"}


@pytest.mark.parametrize("bits", DIGESTS)
def test_frozen_bytes(bits):
    x_NJI = phantom(bits)
    data = b"\1" + encode_with(x_NJI, bits, model_of(x_NJI, 3))
    assert hashlib.sha256(data).hexdigest()[:16] == DIGESTS[bits]
    assert np.array_equal(Wls().decode(data, x_NJI.shape, bits, 1), x_NJI)
    assert np.array_equal(wls(data, x_NJI.shape, bits), x_NJI)


def test_a_bad_model_costs_bytes_but_no_pixel():
    rng = np.random.default_rng(0)
    x_NJI = phantom(16)
    good = model_of(x_NJI, 1)
    wild = tuple(rng.integers(-32767, 32768, w.shape).astype(np.int16) for w in good.weights)
    data = b"\1" + encode_with(x_NJI, 16, Model(good.neighbours, 7, 3, good.top, good.classes_JI, wild, good.mask_JI))
    assert np.array_equal(Wls().decode(data, x_NJI.shape, 16, 1), x_NJI)
    assert np.array_equal(wls(data, x_NJI.shape, 16), x_NJI)
    assert len(data) < 1.6 * x_NJI.nbytes
