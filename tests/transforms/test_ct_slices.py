import numpy as np

from vesalius.scan.scan import Scan
from vesalius.transforms.ct_slices import ct_slices


def scan(hu):
    return Scan.from_array(np.full((12, 12, 2), hu, np.int16), np.eye(4))


def test_the_wide_window_is_that_of_meddinov3():
    for hu, clipped in ((-2000, -1000), (40, 40), (1500, 1000)):
        x = ct_slices()(scan(hu))
        assert x.shape == (2, 3, 224, 224)
        np.testing.assert_allclose(x, (clipped - 65.1084213) / 178.0166321, rtol=1e-5)


def test_three_windows_by_hand():
    for hu in (-100, 20, 75, 300, 3000):
        x = ct_slices("brain-subdural-bone", 32)(scan(hu))
        assert x.shape == (2, 3, 32, 32)
        for channel, (center, width) in enumerate(((40, 80), (80, 200), (600, 2800))):
            share = min(max((hu - (center - width / 2)) / width, 0), 1)
            np.testing.assert_allclose(x[:, channel], 2 * share - 1, atol=1e-5)
