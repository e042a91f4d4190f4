import numpy as np
import pytest
import torch

from vesalius.errors import UsageError
from vesalius.nets.modality_adapter import ModalityAdapter, from_unit, to_unit


@pytest.mark.parametrize(
    ("dtype", "low", "high"), [(np.uint16, 0, 4095), (np.int16, -1024, 3071), (np.uint16, 0, 65535)]
)
def test_every_stored_value_of_12_and_16_bits_comes_back(dtype, low, high):
    values = np.arange(low, high + 1).astype(dtype)
    unit = to_unit(values, low, high)
    assert (unit.dtype, unit.min(), unit.max()) == (np.float32, 0, 1)
    assert np.array_equal(from_unit(unit, low, high, dtype), values)


def test_what_lies_outside_is_clipped_and_floats_stay_floats():
    assert to_unit(np.array([-5.0, 50, 500]), 0, 100).tolist() == [0, 0.5, 1]
    assert from_unit(np.array([0.25]), 0, 10, np.float32).tolist() == [2.5]
    assert from_unit(np.array([1.0]), 0, 70000, np.uint16).tolist() == [65535]


def test_nan_and_empty_ranges_are_refused():
    with pytest.raises(UsageError, match="NaN or infinite"):
        to_unit(np.array([np.nan]), 0, 1)
    with pytest.raises(UsageError, match="range 3 to 3 is empty"):
        to_unit(np.array([3]), 3, 3)


def test_at_first_colours_are_grey_and_grey_is_their_mean():
    adapter = ModalityAdapter()
    x = torch.rand(2, 1, 4, 5)
    assert torch.equal(adapter.colours(x), x.expand(-1, 3, -1, -1))
    colours = torch.rand(2, 3, 4, 5)
    assert torch.allclose(adapter.grey(colours), colours.mean(1, keepdim=True), atol=1e-6)
