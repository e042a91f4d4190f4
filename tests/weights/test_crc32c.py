import pytest

from vesalius.weights.crc32c import crc32c, masked

# RFC 3720, appendix B.4
VECTORS = {
    bytes(32): 0x8A9136AA,
    bytes([255] * 32): 0x62A8AB43,
    bytes(range(32)): 0x46DD794E,
    bytes(range(31, -1, -1)): 0x113FDB5C,
}


@pytest.mark.parametrize("data", VECTORS)
def test_vectors_of_the_rfc(data):
    assert crc32c(data) == VECTORS[data]
    assert crc32c(data[5:], crc32c(data[:5])) == VECTORS[data]


def test_a_polynomial_division_bit_by_bit():
    register = 0xFFFFFFFF
    for byte in b"vesalius":
        for bit in range(8):
            carry = (register ^ (byte >> bit)) & 1
            register = (register >> 1) ^ (0x82F63B78 if carry else 0)
    assert crc32c(b"vesalius") == register ^ 0xFFFFFFFF
    assert crc32c(b"") == 0


def test_the_mask_turns_by_15_bits_and_adds():
    crc = 0b1010_0000_0000_0001_0000_0000_0000_0011
    turned = 0b0000_0000_0000_0111_0100_0000_0000_0010
    assert masked(crc) == (turned + 0xA282EAD8) % 2**32
