import numpy as np
import pytest
from skimage.filters import threshold_otsu

from tasks.segment.small_pictures import discs, of_pictures
from vesalius.metrics.masks import Measured
from vesalius.scan.scan import Scan
from vesalius.tasks.segment.config import SegmentConfig, SegmentSettings
from vesalius.tasks.segment.trivial import Beside, Otsu

SETTINGS = SegmentSettings.of(SegmentConfig.parse(of_pictures("m")))


def scan_of(picture_JI3):
    return Scan.from_array(picture_JI3.transpose(2, 1, 0)[:, None, :, :, None], colour="rgb")


@pytest.mark.parametrize("dark", [False, True])
def test_the_smaller_side_is_the_class(dark):
    picture, numbers = discs(3, dark=dark)
    found_IJK = Otsu(SETTINGS, ("image",)).classes({"image": scan_of(picture)})
    assert ((found_IJK[..., 0].T > 0) != (numbers > 0)).mean() < 0.002  # the threshold touches the darker side


def test_the_threshold_maximizes_the_variance_between_the_sides():
    """Otsu's definition, over all thresholds of 8 bits."""
    grey = (discs(5)[0] @ (0.299, 0.587, 0.114)).round()
    between = []
    for threshold in range(255):
        low, high = grey[grey <= threshold], grey[grey > threshold]
        both = len(low) and len(high)
        between.append(len(low) * len(high) * (low.mean() - high.mean()) ** 2 if both else 0.0)
    best = np.flatnonzero(np.isclose(between, max(between)))
    assert best[0] - 1 <= threshold_otsu(grey) <= best[-1] + 1


def test_a_constant_picture_has_nothing():
    flat = scan_of(np.full((8, 9, 3), 7, np.uint8))
    assert not Otsu(SETTINGS, ("image",)).classes({"image": flat}).any()


def row(case, patient, dice):
    return Measured(case, patient, "mask", "disc", dice, np.nan, np.nan, np.nan, np.nan)


def test_both_are_compared_on_the_same_cases_by_patient():
    model = [row("a", "1", 0.9), row("b", "1", 0.7), row("c", "2", 0.5), row("only", "3", 0.1)]
    otsu = [row("a", "1", 0.6), row("b", "1", 0.6), row("c", "2", 0.7)]
    beside = Beside.of(model, otsu)
    assert beside.baseline.mean == pytest.approx((0.6 + 0.7) / 2)
    assert beside.gain.mean == pytest.approx(((0.8 - 0.6) + (0.5 - 0.7)) / 2)
    assert beside.results["difference"]["interval"] is None  # two patients
    assert beside.text == "0.650"
