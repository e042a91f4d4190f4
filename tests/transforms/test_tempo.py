import numpy as np
import pytest

from vesalius.errors import UsageError
from vesalius.seeding import generator
from vesalius.transforms.tempo import Frames, Tempo


def beating(frames):
    phase = 2 * np.pi * np.arange(frames) / frames
    return (1 + np.cos(phase)).reshape(1, frames, 1, 1, 1)


@pytest.mark.parametrize("count", [8, 16, 30, 45])
def test_a_cycle_stays_a_cycle(count):
    done = Frames(count=count).apply(beating(30)).ravel()
    expected = np.interp(np.arange(count) * 30 / count, np.arange(31), np.append(beating(30).ravel(), 2.0))
    np.testing.assert_allclose(done, expected, atol=1e-12)
    assert np.abs(done - beating(count).ravel()).max() < 0.03


def test_open_ends_are_kept():
    x = np.arange(5.0).reshape(1, 5, 1, 1, 1)
    np.testing.assert_allclose(Frames(count=9, ends="open").apply(x).ravel(), np.arange(9) / 2)
    assert Frames(count=1, ends="open").apply(x).ravel() == [0]


def test_labels_take_the_nearest_frame():
    mask = np.arange(10).reshape(1, 10, 1, 1, 1)
    assert Frames(count=5).apply_mask(mask).ravel().tolist() == [0, 2, 4, 6, 8]
    assert Frames(count=20).apply_mask(mask).ravel().tolist()[:4] == [0, 1, 1, 2]
    assert Frames(count=20).apply_mask(mask).ravel()[-1] == 0  # past the middle of the last step: the first again


def test_the_rate_divides_the_frames():
    x, mask = beating(20), np.zeros((1, 20, 1, 1, 1), "i2")
    assert Tempo().apply(x, 0.8).shape[1] == Tempo().apply_mask(mask, 0.8).shape[1] == 25
    assert Tempo().apply(x, 1.25).shape[1] == 16
    np.testing.assert_allclose(Tempo().apply(x, 2.0), x[:, ::2])
    assert Tempo().apply(x, 1.0) is x
    drawn = [Tempo().draw(generator("tempo", n)) for n in range(200)]
    assert 0.8 <= min(drawn) < 0.82
    assert 1.18 < max(drawn) <= 1.2


def test_only_cines():
    with pytest.raises(UsageError, match="CIJK has no axis T"):
        Frames(count=3).apply(np.zeros((1, 2, 2, 2)))
