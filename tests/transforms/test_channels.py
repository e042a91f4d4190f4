import numpy as np
import pytest

from vesalius.errors import UsageError
from vesalius.seeding import generator
from vesalius.transforms.channels import ModalityDropout, Neighbours
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


def test_one_modality_always_stays():
    one = ModalityDropout(channels=4, p=1.0)
    drawn = [one.draw(generator("drop", n)) for n in range(100)]
    assert all(len(missing) == 3 for missing in drawn)
    assert len(set(drawn)) == 4


def test_as_often_as_asked():
    one = ModalityDropout(channels=4, p=0.2)
    counts = [len(one.draw(generator("often", n))) for n in range(2000)]
    assert np.mean(counts) == pytest.approx(3 * 0.2, abs=0.05)


def test_missing_channels_are_filled():
    x = np.random.default_rng(0).random((4, 2, 3, 3)).astype("f4")
    done = ModalityDropout(channels=4, fill=-1).apply(x, (0, 2))
    assert (done[[0, 2]] == -1).all()
    np.testing.assert_array_equal(done[[1, 3]], x[[1, 3]])
    with pytest.raises(UsageError, match="3 channels was given, 4 are expected"):
        ModalityDropout(channels=4).apply(x[:3], ())
