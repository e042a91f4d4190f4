import tracemalloc
import zlib

import numpy as np
import pytest
from tests.codec.coders.pictures_for_tests import beating

from vesalius.codec.coders.deflate import Deflate
from vesalius.errors import CorruptFileError


@pytest.mark.parametrize("bits", [8, 11])
def test_the_bytes_are_folded_differences_in_planes(bits):
    x_NJI = beating((2, 4, 5), bits)
    modulus = 256 if bits == 8 else 65536
    low, high = bytearray(), bytearray()
    for row in x_NJI.reshape(-1, 5).tolist():
        for left, value in zip([0, *row], row, strict=False):
            step = (value - left) % modulus
            folded = 2 * step if step < modulus // 2 else 2 * (modulus - step) - 1
            low.append(folded % 256)
            high.append(folded // 256)
    assert zlib.decompress(Deflate().encode(x_NJI, bits, None, 1)) == bytes(low + high if bits > 8 else low)


def test_a_stream_that_swells_is_refused_without_its_memory():
    bomb = zlib.compress(bytes(100_000_000), 9)
    tracemalloc.start()
    try:
        with pytest.raises(CorruptFileError):
            Deflate().decode(bomb, (1, 10, 10), 16, 1)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_bytes_behind_the_stream_are_refused():
    x_NJI = np.zeros((1, 3, 3), np.uint16)
    data = Deflate().encode(x_NJI, 16, None, 1)
    with pytest.raises(CorruptFileError):
        Deflate().decode(data + b"\0", x_NJI.shape, 16, 1)
