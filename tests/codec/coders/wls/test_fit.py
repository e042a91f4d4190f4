import hashlib

import numpy as np
import pytest
from tests.codec.coders.pictures_for_tests import awkward, beating

from vesalius.codec.coders.wls.fit import Choice, fit
from vesalius.codec.coders.wls.model import taps_of


def test_a_known_predictor_is_found():
    """Pictures made as 0.5 W + 0.5 (pixel before) plus noise."""
    rng = np.random.default_rng(0)
    x = np.zeros((6, 60, 60))
    x[0] = 500 + rng.normal(0, 100, (60, 60)).cumsum(axis=1)
    for t in range(1, 6):
        x[t, :, 0] = x[t - 1, :, 0]
        for i in range(1, 60):
            x[t, :, i] = 0.5 * x[t, :, i - 1] + 0.5 * x[t - 1, :, i] + rng.normal(0, 6, 60)
    x_NJI = np.clip(np.rint(x), 1, 4000).astype(np.uint16)
    model = fit(x_NJI, Choice((4, 5, 1), 1))
    weights = dict(zip(taps_of((4, 5, 1), 2), model.weights[2][0] / (1 << model.shift), strict=True))
    assert weights.pop((0, 0, -1)) == pytest.approx(0.5, abs=0.04)
    assert weights.pop((1, 0, 0)) == pytest.approx(0.5, abs=0.04)
    assert max(map(abs, weights.values())) < 0.05


def test_places_with_different_laws_get_different_classes():
    rng = np.random.default_rng(3)
    still = np.broadcast_to(rng.integers(100, 900, (64, 32)), (8, 64, 32))
    ramp = np.add.outer(np.arange(64), np.arange(32)) * 3 + 150 * rng.random((8, 1, 1))
    x_NJI = np.concatenate([still + rng.integers(0, 3, still.shape), ramp], axis=2).astype(np.uint16)
    model = fit(x_NJI, Choice((6, 5, 1), 2))
    assert model.classes == 2
    left, right = model.classes_JI[:, :4], model.classes_JI[:, 4:]
    assert max((left == 0).mean(), (left == 1).mean()) > 0.9
    assert max((right == 0).mean(), (right == 1).mean()) > 0.9
    assert np.median(left) != np.median(right)


@pytest.mark.parametrize("shape_NJI", [(1, 1, 1), (1, 1, 50), (2, 30, 1), (3, 9, 17), (7, 20, 20)], ids=str)
def test_awkward_pictures_have_a_model(shape_NJI):
    for bits in (1, 16):
        for name, x_NJI in {"beating": beating(shape_NJI, bits), **awkward(shape_NJI, bits)}.items():
            model = fit(x_NJI, Choice((32, 37, 9), 4))
            assert 7 <= model.shift <= 14, name
            assert len(model.weights) == min(shape_NJI[0], 3)
            for level, weights in enumerate(model.weights):
                assert weights.dtype == np.int16
                assert weights.shape[1] == len(taps_of((32, 37, 9), level))
            if model.mask_JI is not None:
                assert not x_NJI[:, model.mask_JI].any()


def test_the_fit_is_the_same_on_every_machine_and_for_any_number_of_threads():
    """Integers only make the pictures. Where a change of the fit is meant, the digest changes and nothing else."""
    n, j, i = np.indices((7, 90, 84))
    noise = (n * 7919 + j * 104729 + i * 1299709) * 2654435761 >> 13 & 15
    square = (abs(j - 40 - 2 * n) < 17) & (abs(i - 45) < 21)
    x_NJI = (600 * square + 3 * i + (j * j >> 4) + noise + 1).astype(np.uint16)
    for threads in (1, 3):
        model = fit(x_NJI, Choice((20, 21, 9), 5), threads)
        assert model.classes > 1
        digest = hashlib.sha256(model.classes_JI.tobytes())
        for weights in model.weights:
            digest.update(weights.astype("<i2").tobytes())
        assert digest.hexdigest()[:16] == "d5a0f421f15e2840"


def test_large_pictures_have_large_blocks():
    model = fit(beating((1, 700, 600), 8), Choice((4, 1, 0), 2))
    assert model.classes_JI.size <= 1024
    assert model.block_log2 == 5
