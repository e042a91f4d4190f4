import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vesalius.codec.coders.wls import rice
from vesalius.errors import CorruptFileError


@given(st.lists(st.one_of(st.integers(-65534, 65534), st.integers(-3, 3)), max_size=80))
def test_round_trip(numbers):
    assert rice.read(rice.write(numbers), len(numbers)) == numbers


def test_small_numbers_take_few_bits():
    numbers = np.rint(np.random.default_rng(0).laplace(0, 30, 2000)).astype(int).tolist()
    entropy_bits = np.log2(2 * np.e * 30)
    assert 8 * len(rice.write(numbers)) / len(numbers) < entropy_bits + 0.5


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff" * 3, rice.write([5, -7]) + b"\0", rice.write([5, -7])[:-1]])
def test_other_bytes_are_refused(data):
    with pytest.raises(CorruptFileError):
        rice.read(data, 2)


def test_bits_left_over_are_refused():
    data = bytearray(rice.write([0]))
    data[-1] |= 1
    with pytest.raises(CorruptFileError, match="left over"):
        rice.read(bytes(data), 1)
