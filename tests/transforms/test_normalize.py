import numpy as np
import pytest

from vesalius.errors import ConfigError, UsageError
from vesalius.transforms.normalize import (
    NAMED_WINDOWS,
    Equalize,
    Neighbours,
    Percentiles,
    Repeat,
    Standardize,
    Windows,
    ZScore,
)
from vesalius.transforms.prepare import Prepare
from vesalius.transforms.transform import Chain
from vesalius.transforms.window import window


def brain():
    x = np.random.default_rng(0).normal(500, 100, (2, 8, 8, 8)).astype("f4")
    x[:, :3] = 0
    x[1] *= 3
    return x


def test_zscore_over_what_is_not_zero():
    x = brain()
    done = ZScore(over="nonzero").apply(x)
    assert (done[:, :3] == 0).all()
    for channel in range(2):
        values = done[channel][x[channel] != 0]
        assert values.mean() == pytest.approx(0, abs=1e-5)
        assert values.std() == pytest.approx(1, abs=1e-5)
    everything = ZScore().apply(x)
    np.testing.assert_allclose(everything[0], (x[0] - x[0].mean()) / x[0].std(), atol=1e-4)
    assert (ZScore().apply(np.full((1, 2, 2), 7.0)) == 0).all()
    assert (ZScore(over="nonzero").apply(np.zeros((1, 2, 2))) == 0).all()


def test_large_offsets_lose_nothing():
    x = (np.random.default_rng(0).normal(0, 1, (1, 64, 64, 16)) + 30000).astype("f4")
    done = ZScore().apply(x)
    assert done.mean() == pytest.approx(0, abs=1e-3)
    assert done.std() == pytest.approx(1, abs=1e-3)


def test_percentiles():
    x = np.concatenate([np.zeros(1000), np.arange(1.0, 1002)]).reshape(1, 3, -1)
    done = Percentiles(low=10, high=90, over="nonzero").apply(x).ravel()
    assert (done[:1000] == 0).all()
    np.testing.assert_allclose(done[1000:], np.clip((np.arange(1, 1002) - 101) / 800, 0, 1), atol=1e-9)
    low, high = np.percentile(x, [10, 90])
    done = Percentiles(low=10, high=90).apply(x)
    np.testing.assert_allclose(done, np.clip((x - low) / (high - low), 0, 1), atol=1e-9)


def test_the_input_contract_of_detect():
    one = Chain.build(
        transforms=[
            {"name": "standardize", "clip": [-1000, 1000], "mean": [65.1084213], "std": [178.0166321]},
            {"name": "repeat", "channels": 3},
            {"name": "resize", "size": [224, 224]},
        ]
    )
    x = np.full((1, 512, 512), -2000, "f4")
    done = one.apply(x)
    assert done.shape == (3, 224, 224)
    assert done.dtype == np.float32
    np.testing.assert_allclose(done, (-1000 - 65.1084213) / 178.0166321, rtol=1e-5)


def test_windows_are_those_of_the_screen():
    x = np.linspace(-1500, 3000, 200).reshape(1, 10, 20)
    done = Windows(windows="brain-subdural-bone").apply(x)
    assert done.shape == (3, 10, 20)
    for channel, (center, width) in zip(done, NAMED_WINDOWS["brain-subdural-bone"], strict=True):
        np.testing.assert_allclose(channel, window(x[0], center, width), atol=1e-6)
    assert Windows(windows=((40.0, 80.0),)).apply(np.full((1, 1, 1), 40.0)).item() == 0.5


def test_each_channel_has_its_own_mean():
    x = np.ones((2, 3, 3))
    done = Standardize(mean=(1.0, 3.0), std=(1.0, 2.0)).apply(x)
    assert (done[0] == 0).all()
    assert (done[1] == -1).all()
    with pytest.raises(UsageError, match="2 numbers were given for 3 channels"):
        Standardize(mean=(1.0, 3.0), std=(1.0,)).apply(np.ones((3, 3, 3)))


def test_what_does_not_fit():
    with pytest.raises(UsageError, match="windows need one"):
        Windows(windows="brain").apply(np.zeros((2, 2, 2)))
    with pytest.raises(UsageError, match="one is repeated"):
        Repeat().apply(np.zeros((2, 2, 2)))
    with pytest.raises(ConfigError, match="windows"):
        Windows.build(windows="brian")
    with pytest.raises(ConfigError, match="std"):
        Standardize.build(mean=(0.0,), std=(0.0,))


def test_equalized_one_value_at_a_time():
    x = np.random.default_rng(0).random((2, 6, 7)) ** 2
    done = Equalize(bins=8).apply(x)
    for channel in range(2):
        values = x[channel].ravel()
        shares = [np.mean(values < edge) for edge in np.arange(9) / 8]
        for value, found in zip(values, done[channel].ravel(), strict=True):
            n = int(value * 8)
            expected = shares[n] + (value * 8 - n) * (shares[n + 1] - shares[n])
            assert abs(found - expected) < 1e-12


def test_an_equalized_image_is_flat():
    x = np.random.default_rng(0).beta(2, 8, (1, 50, 50, 20)).astype("f4")
    counts, _ = np.histogram(Equalize().apply(x), 10, (0, 1))
    assert abs(counts / counts.mean() - 1).max() < 0.02


def test_ends_stay_and_order_is_kept():
    x = np.array([0, 0, 0, 0.2, 0.3, 1, 1.5, -1]).reshape(1, 2, 4)
    done = Equalize().apply(x).ravel()
    assert done[[0, 1, 2, 7]].tolist() == [0, 0, 0, 0]
    assert done[[5, 6]].tolist() == [1, 1]
    assert 0 < done[3] < done[4] < 1


def test_below_this_and_above():
    x_CIJK = np.broadcast_to(np.arange(5.0), (2, 3, 4, 5)) + np.array([0, 100])[:, None, None, None]
    done = Neighbours(reach=2).apply(x_CIJK)
    assert done.shape == (10, 3, 4, 5)
    below, nearer, own, higher, above = done[::2, 0, 0]
    assert below.tolist() == [0, 0, 0, 1, 2]
    assert nearer.tolist() == [0, 0, 1, 2, 3]
    assert own.tolist() == [0, 1, 2, 3, 4]
    assert higher.tolist() == [1, 2, 3, 4, 4]
    assert above.tolist() == [2, 3, 4, 4, 4]
    np.testing.assert_array_equal(done[1::2], done[::2] + 100)


def test_a_single_slice_is_its_own_neighbour():
    x = np.random.default_rng(0).random((1, 3, 4, 1))
    np.testing.assert_array_equal(Neighbours().apply(x), np.concatenate([x, x, x]))


def test_pictures_have_none():
    with pytest.raises(UsageError, match="no axis K"):
        Neighbours().apply(np.zeros((1, 4, 4)))


def test_a_preparation_knows_how_many_channels_come_out():
    prepare = Prepare.build(layout="CIJK", values=[{"name": "zscore"}], steps=[{"name": "neighbours", "reach": 2}])
    assert prepare.channel_count(2) == 10
