import numpy as np
import pytest

from vesalius.scan.label_values import are_labels


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 1, 5], True),
        ([0.0, 3.0], True),
        ([], True),
        ([-1, 0], False),
        ([0, 6], False),
        ([0, 65537], False),
        ([0.5], False),
        ([np.nan, 1], False),
        ([np.inf, 1], False),
    ],
)
def test_whole_numbers_within_bounds(values, expected):
    assert are_labels(np.array(values), 0, 5) is expected
