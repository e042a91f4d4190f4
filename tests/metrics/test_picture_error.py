import math

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from vesalius.metrics.picture_error import GRADES, grade, picture_error


def test_the_measures_follow_their_definitions():
    draw = np.random.default_rng(0)
    reference = draw.integers(0, 256, (3, 20, 24)).astype(float)
    restored = np.clip(reference + draw.normal(0, 9, reference.shape), 0, 255)
    error = picture_error(restored, reference, 255)
    assert error.mae == pytest.approx(np.abs(restored - reference).mean())
    assert error.mse == pytest.approx(np.square(restored - reference).mean())
    assert error.psnr == pytest.approx(peak_signal_noise_ratio(reference, restored, data_range=255))
    assert 0.5 < error.ssim < 1


def test_equal_pictures():
    picture = np.random.default_rng(0).random((1, 9, 9))
    error = picture_error(picture, picture, 1)
    assert (error.psnr, error.ssim, error.mae, error.mse) == (math.inf, 1, 0, 0)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="shapes"):
        picture_error(np.zeros((1, 4, 4)), np.zeros((1, 4, 5)), 1)


@pytest.mark.parametrize(
    ("measure", "value", "word"),
    [
        ("psnr", 40, "excellent"),
        ("psnr", 39.9, "good"),
        ("psnr", 19, "poor"),
        ("ssim", 0.8923, "good"),
        ("dice", 0.5, "acceptable"),
        ("iou", 0.29, "poor"),
    ],
)
def test_words_of_the_guide(measure, value, word):
    assert grade(measure, value) == word


def test_words_fall_with_the_value():
    for steps in GRADES.values():
        assert [least for least, _ in steps] == sorted((least for least, _ in steps), reverse=True)
        assert [word for _, word in steps] == ["excellent", "good", "acceptable"]
