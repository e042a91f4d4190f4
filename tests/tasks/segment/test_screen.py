import numpy as np

from vesalius.scan.scan import Scan
from vesalius.tasks.segment.screen import is_picture, on_screen


def test_a_slice_of_a_volume_keeps_its_real_values():
    volume = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(1, 2, 3, 4, 5)
    scan = Scan.from_array(volume)
    np.testing.assert_array_equal(on_screen(scan, 1, 2), volume[0, 1, :, :, 2].T)
    assert not is_picture(scan)


def test_a_picture_keeps_its_colours():
    draw = np.random.default_rng(0)
    picture_JIC = draw.integers(0, 256, (6, 7, 3), np.uint8)
    scan = Scan.from_array(picture_JIC.transpose(2, 1, 0)[:, None, :, :, None], colour="rgb")
    np.testing.assert_array_equal(on_screen(scan, 0, 0), picture_JIC)
    assert is_picture(scan)
