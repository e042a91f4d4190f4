import struct
import zlib

import jpeg_ls
import numpy as np
import pytest
from tests.codec.coders.pictures_for_tests import beating

from vesalius.codec.coders import parts
from vesalius.codec.coders.jpegls import JpegLs
from vesalius.errors import CorruptFileError


@pytest.mark.parametrize("bits", [1, 2, 8, 12, 16])
def test_near_lossless_keeps_its_bound(bits):
    for noise in (0.02, 0.5):
        x_NJI = beating((2, 31, 43), bits, noise)
        for near in JpegLs.qualities[::6]:
            data = JpegLs().encode(x_NJI, bits, near, 1)
            error = JpegLs().decode(data, x_NJI.shape, bits, 1).astype(int) - x_NJI
            assert np.abs(error).max() <= near


@pytest.mark.parametrize("bits", [8, 11])
def test_another_library_reads_the_stream_with_its_start(bits):
    x_NJI = beating((2, 31, 43), bits)
    data = JpegLs().encode(x_NJI, bits, None, 1)
    for part, x_JI in zip(parts.split(data[4:], most=2), x_NJI, strict=True):
        start = bytes.fromhex("ffd8fff7000b") + struct.pack(">BHH", bits, 31, 43) + bytes.fromhex("01011100")
        pixels, facts = jpeg_ls.decode_buffer(start + part)
        assert facts["bits_per_sample"] == bits
        assert np.array_equal(np.frombuffer(pixels, "u1" if bits == 8 else "<u2").reshape(31, 43), x_JI)


def test_noise_is_stored_as_it_is():
    x_NJI = np.random.default_rng(0).integers(0, 2**16, (3, 20, 20)).astype(np.uint16)
    data = JpegLs().encode(x_NJI, 16, None, 1)
    assert len(data) <= x_NJI.nbytes + 4 + 3 * 3
    assert parts.split(data[4:], most=3)[1] == b"\0" + x_NJI[1].astype("<u2").tobytes()


def test_a_side_beyond_the_standard():
    x_NJI = np.arange(70_000, dtype=np.uint32).astype(np.uint16)[None, None]
    assert np.array_equal(JpegLs().decode(JpegLs().encode(x_NJI, 16, None, 1), x_NJI.shape, 16, 1), x_NJI)


def test_damage_is_found_before_charls_sees_it():
    x_NJI = beating((1, 7, 5), 8)
    data = bytearray(JpegLs().encode(x_NJI, 8, None, 1))
    assert zlib.crc32(data[4:]).to_bytes(4, "little") == data[:4]
    data[-1] ^= 1
    with pytest.raises(CorruptFileError, match="checksum"):
        JpegLs().decode(bytes(data), x_NJI.shape, 8, 1)
