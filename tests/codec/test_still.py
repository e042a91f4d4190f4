"""The mean of a slice as a decoder sees it."""

import numpy as np

from vesalius.codec.still import decoded_mean


def smooth():
    j, i = np.mgrid[:40, :30]
    return np.stack([0.5 + 0.4 * np.sin(i / 5) * np.cos(j / 7), i / 60 + j / 90]).astype(np.float32)


def test_finer_qualities_are_closer():
    mean_KJI = smooth()
    errors = [np.abs(decoded_mean(mean_KJI, crf) - mean_KJI).mean() for crf in (10, 40, 63)]
    assert errors[0] < errors[1] < errors[2] < 0.1
    assert errors[0] < 0.005


def test_slices_are_coded_alone():
    mean_KJI = smooth()
    assert np.array_equal(decoded_mean(mean_KJI, 48)[1:], decoded_mean(mean_KJI[1:], 48))
