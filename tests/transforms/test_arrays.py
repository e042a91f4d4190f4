import numpy as np
import pytest

from vesalius.errors import UsageError
from vesalius.transforms.arrays import check_floating, full, letters, library, matched, picked, positions, through_numpy


def test_letters_and_positions():
    assert [letters(np.zeros((1,) * n)) for n in (3, 4, 5)] == ["CJI", "CIJK", "CTIJK"]
    assert positions(np.zeros((1, 2, 3)), "IJ") == (2, 1)
    assert positions(np.zeros((1,) * 5), "TK") == (1, 4)
    with pytest.raises(UsageError, match=r"shape \(2, 3\) is not a picture CJI"):
        letters(np.zeros((2, 3)))
    with pytest.raises(UsageError, match="CJI has no axis K"):
        positions(np.zeros((1, 2, 3)), "IK")


def test_what_is_no_array():
    with pytest.raises(UsageError, match="list is neither"):
        library([1])
    with pytest.raises(UsageError, match="int16 cannot be interpolated"):
        check_floating(np.zeros(3, "i2"))


def test_a_tensor_that_is_elsewhere_is_refused():
    torch = pytest.importorskip("torch")
    with pytest.raises(UsageError, match="tensor on meta cannot be changed here; do this step on the CPU"):
        through_numpy(torch.zeros(3, device="meta"), np.abs)


def test_tensors_lend_their_memory():
    torch = pytest.importorskip("torch")
    x = torch.arange(4.0)
    done = through_numpy(x, lambda array: array[1:])
    x[1] = 9
    assert done.tolist() == [9, 2, 3]
    assert matched(np.array([1.5]), x).dtype == torch.float32
    assert full(x.half(), (2,), 3).dtype == torch.float16
    assert picked(x, 0, np.array([2, 0])).tolist() == [2, 0]
