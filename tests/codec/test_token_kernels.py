import math

import numpy as np
import pytest

from codec.second_tokens import Coder
from vesalius.codec import token_kernels as kernels

_bit, _share = kernels._bit, kernels._share


def write(bits, chances):
    data, rc = np.zeros(4 * len(bits) + 64, np.uint8), np.zeros(4, np.int64)
    kernels.start(rc, data, 0)
    for bit, chance in zip(bits, chances, strict=True):
        _bit(rc, data, 0, bit, chance)
    return data[: kernels.finish(rc, data)].tobytes()


@pytest.mark.parametrize("least", [1, 2000, 30000])
def test_bits_come_back_at_their_cost(least):
    draw = np.random.default_rng(least)
    chances = draw.integers(least, 65536 - least + 1, 3000).tolist()
    bits = [int(draw.random() * 65536 < chance) for chance in chances]
    coded = write(bits, chances)
    coder = Coder(coded)
    assert [coder.bit(chance) for chance in chances] == bits
    cost = sum(
        -math.log2((chance if bit else 65536 - chance) / 65536) for bit, chance in zip(bits, chances, strict=True)
    )
    assert cost / 8 - 1 <= len(coded) <= cost / 8 * 1.001 + 2


def test_a_carry_runs_through_bytes_of_255():
    """Zeros of chance 65535 / 65536 to be 1 leave the interval at its top, where bytes of 255 pile up."""
    bits = [0] * 40 + [1] * 30 + [0, 1] * 40
    chances = [65535] * 40 + [1] * 30 + [32769, 65533] * 40
    coded = write(bits, chances)
    coder = Coder(coded)
    assert [coder.bit(chance) for chance in chances] == bits


def test_certain_bits_cost_no_byte():
    assert write([1] * 2000, [65535] * 2000) == b""


def test_shares_come_back():
    draw = np.random.default_rng(2)
    totals = draw.integers(1, 70000, 500)
    shares = [int(draw.integers(total)) for total in totals]
    data, rc = np.zeros(8192, np.uint8), np.zeros(4, np.int64)
    kernels.start(rc, data, 0)
    for share, total in zip(shares, totals.tolist(), strict=True):
        _share(rc, data, 0, share, 1, total)
    coded = data[: kernels.finish(rc, data)].tobytes()
    assert len(coded) <= np.log2(totals).sum() / 8 + 2
    coder = Coder(coded)
    for share, total in zip(shares, totals.tolist(), strict=True):
        assert coder.share(total) == share
        coder.take(share, 1, total)
