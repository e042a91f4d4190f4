import numpy as np

from vesalius.codec import trials
from vesalius.codec.trials import sample
from vesalius.scan.intensity import Intensity
from vesalius.scan.scan import Scan


def test_a_small_scan_is_its_own_sample():
    scan = Scan.from_array(np.zeros((1, 4, 5, 6, 3), np.int16))
    assert sample(scan) is scan


def test_the_sample_of_a_still_scan_is_its_middle():
    stored = np.arange(2 * 3 * 100, dtype=np.int16).reshape(1, 1, 2, 3, 100)
    assert np.array_equal(sample(Scan.from_array(stored)).stored(), stored[..., 38:62])
    few = Scan.from_array(stored[..., :20])
    assert sample(few) is few


def test_the_sample_is_a_piece_with_its_own_intensities():
    rng = np.random.default_rng(0)
    shape = (2, 30, 8, 428, 9)
    slope = rng.normal(size=(30, 9))
    scan = Scan.from_array(rng.integers(0, 999, shape).astype(np.int16), intensity=Intensity(slope, np.zeros((30, 9))))
    piece = sample(scan)
    assert piece.shape == (1, trials.FRAMES, 8, trials.SIDE, 3)
    places = [1, 4, 7]
    expected = scan.values()[:1, : trials.FRAMES, :, 54 : 54 + trials.SIDE][..., places]
    assert np.array_equal(piece.values(), expected)
    assert piece.geometry is None
    assert piece.native is None
