import numpy as np
import pytest

from vesalius.errors import InputError
from vesalius.tasks.label_values import LabelValues


def test_there_and_back():
    values = LabelValues({"core": (1, 4), "edema": (2,)}, ignored=(9,))
    mask = np.array([0, 1, 4, 2, 9], np.int16)
    classes = values.classes(mask, "case a")
    assert classes.tolist() == [0, 1, 1, 2, -1]
    assert values.written(classes[:4]).tolist() == [0, 1, 1, 2]
    assert values.written(classes[:4]).dtype == np.uint8
    assert LabelValues({"a": (300,)}).written(np.array([1])).dtype == np.uint16


def test_an_unknown_value_is_told():
    with pytest.raises(InputError, match="case a: a mask holds -3, 5, which"):
        LabelValues({"a": (1,)}).classes(np.array([0, 1, 5, -3], np.int16), "case a")
