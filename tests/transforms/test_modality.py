import numpy as np
import pytest

from vesalius.errors import UsageError
from vesalius.seeding import generator
from vesalius.transforms.modality import ModalityDropout


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
