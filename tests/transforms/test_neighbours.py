"""Neighbouring slices as channels."""

import numpy as np
import pytest

from vesalius.errors import UsageError
from vesalius.transforms.neighbours import Neighbours
from vesalius.transforms.prepare import Prepare


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
