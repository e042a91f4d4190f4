import math

import numpy as np
import pytest

from vesalius.metrics.cardiac import Pumping
from vesalius.metrics.doubts import doubts, ef_doubts, pieces


@pytest.mark.parametrize(
    ("edv", "esv", "found"),
    [
        (150, 60, {}),
        (20, 10, {}),
        (600, 500, {}),
        (2.04, 1, {"EDV below 20 mL": "2.04 mL"}),
        (712, 500, {"EDV above 600 mL": "712 mL"}),
        (100, 124, {"ESV above EDV, so EF is negative": "-24.0 %"}),
        (100, 97, {"EF below 5 %": "3.0 %"}),
        (100, 8, {"EF above 85 %": "92.0 %"}),
        (8, 9, {"EDV below 20 mL": "8 mL", "ESV above EDV, so EF is negative": "-12.5 %"}),
    ],
)
def test_what_cannot_be(edv, esv, found):
    assert doubts(Pumping(edv, esv)) == found


def test_without_a_voxel_size_there_is_the_ejection_fraction_alone():
    assert ef_doubts(50) == {}
    assert list(ef_doubts(-1)) == ["ESV above EDV, so EF is negative"]
    assert doubts(Pumping(math.nan, math.nan)) == {}


def test_pieces():
    mask = np.zeros((12, 12, 4), bool)
    assert pieces(mask) == 0
    mask[1:6, 1:6, :2] = True  # 50 voxels
    assert pieces(mask) == 1
    mask[6, 6, 2] = True  # touches at a corner
    assert pieces(mask) == 1
    mask[9, 9, 3] = True  # a speck, 1 of 52
    assert pieces(mask) == 1
    mask[9, 9:11, 3] = mask[10, 9, 3] = True  # 3 of 54
    assert pieces(mask) == 2
