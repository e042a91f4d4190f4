import numpy as np

from vesalius.transforms.equalize import Equalize


def test_one_value_at_a_time():
    x = np.random.default_rng(0).random((2, 6, 7)) ** 2
    done = Equalize(bins=8).apply(x)
    for channel in range(2):
        values = x[channel].ravel()
        shares = [np.mean(values < edge) for edge in np.arange(9) / 8]
        for value, found in zip(values, done[channel].ravel(), strict=True):
            n = int(value * 8)
            expected = shares[n] + (value * 8 - n) * (shares[n + 1] - shares[n])
            assert abs(found - expected) < 1e-12


def test_the_result_is_flat():
    x = np.random.default_rng(0).beta(2, 8, (1, 50, 50, 20)).astype("f4")
    counts, _ = np.histogram(Equalize().apply(x), 10, (0, 1))
    assert abs(counts / counts.mean() - 1).max() < 0.02


def test_ends_stay_and_order_is_kept():
    x = np.array([0, 0, 0, 0.2, 0.3, 1, 1.5, -1]).reshape(1, 2, 4)
    done = Equalize().apply(x).ravel()
    assert done[[0, 1, 2, 7]].tolist() == [0, 0, 0, 0]
    assert done[[5, 6]].tolist() == [1, 1]
    assert 0 < done[3] < done[4] < 1
