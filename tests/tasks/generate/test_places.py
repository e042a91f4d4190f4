import numpy as np
import pytest

from vesalius.errors import InputError
from vesalius.tasks.generate.places import shares_of
from vesalius.tasks.label_values import LabelValues


def test_objects_are_one_class():
    shares = shares_of(np.array([[0, 7, 300]], np.uint16), LabelValues({"nucleus": (1,)}, map_values="objects"), "m")
    assert shares.dtype == np.float32
    assert shares.tolist() == [[[0, 1, 1]]]


def test_an_unknown_value_is_one_line():
    with pytest.raises(InputError, match="mask: a mask holds 9"):
        shares_of(np.array([[0, 9]]), LabelValues({"disc": (1,)}), "mask")
