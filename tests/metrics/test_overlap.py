import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from sklearn.metrics import f1_score

from vesalius.metrics.overlap import dice, labels_of

SHAPES = array_shapes(min_dims=1, max_dims=4, max_side=5)
MASKS = SHAPES.flatmap(lambda shape: st.tuples(*[arrays(np.uint8, shape, elements=st.integers(0, 4))] * 2))


@given(MASKS)
def test_equals_the_f1_score_of_another_library(pair):
    one, other = pair
    found = dice(one, other)
    assert set(found) == {int(value) for value in {*one.ravel(), *other.ravel()}} - {0}
    labels = list(found)
    if labels:
        expected = f1_score(other.ravel(), one.ravel(), labels=labels, average=None, zero_division=0)
        assert list(found.values()) == pytest.approx(list(expected), abs=1e-12)


@given(MASKS)
def test_is_symmetric_and_one_for_equal_masks(pair):
    one, other = pair
    assert dice(one, other) == dice(other, one)
    assert set(dice(one, one).values()) <= {1.0}


def test_an_absent_class_is_no_agreement():
    one, other = np.array([0, 1, 1, 2]), np.array([0, 1, 0, 0])
    found = dice(one, other, classes=(1, 2, 3))
    assert found[1] == pytest.approx(2 / 3)
    assert found[2] == 0
    assert math.isnan(found[3])


def test_truths_are_labels_too():
    assert dice(np.array([True, False]), np.array([True, True])) == {1: pytest.approx(2 / 3)}


def test_large_labels_cost_nothing():
    one = np.array([0, 2**40, -7])
    assert dice(one, one) == {-7: 1.0, 2**40: 1.0}
    assert labels_of(one, [3]) == (-7, 3, 2**40)


def test_what_are_no_two_masks_is_refused():
    with pytest.raises(ValueError, match="differ"):
        dice(np.zeros(3, int), np.zeros(4, int))
    with pytest.raises(ValueError, match="whole numbers"):
        dice(np.zeros(3), np.zeros(3, int))
