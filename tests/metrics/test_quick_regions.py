import numpy as np
import pytest

from vesalius.metrics.quick_regions import QUICK_METHODS, quick_region


def test_each_method_sees_what_its_name_says():
    picture = np.full((8, 8, 3), 0.3)
    picture[0, :4] = (0.9, 0.3, 0.3)
    picture[7, :4] = 1.0
    found = {method: quick_region(picture, method) for method in QUICK_METHODS}
    assert set(zip(*np.nonzero(found["red"]), strict=True)) == {(0, n) for n in range(4)}
    assert set(zip(*np.nonzero(found["saturation"]), strict=True)) == {(0, n) for n in range(4)}
    assert found["brightness"][7, :4].all()


@pytest.mark.parametrize("method", QUICK_METHODS)
def test_an_even_picture_holds_nothing(method):
    assert not quick_region(np.full((5, 6, 3), 0.4), method).any()
