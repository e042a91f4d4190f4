import struct
from io import BytesIO

import numpy as np
import openjpeg
import pytest
from tests.codec.coders.pictures_for_tests import beating

from vesalius.codec.coders import parts
from vesalius.codec.coders.jpeg2000 import Jpeg2000


@pytest.mark.parametrize("bits", [8, 11, 16])
def test_another_library_reads_the_stream_with_its_start(bits):
    x_NJI = beating((2, 31, 43), bits)
    for part, x_JI in zip(parts.split(Jpeg2000().encode(x_NJI, bits, None, 1), most=2), x_NJI, strict=True):
        size = struct.pack(">8I", 43, 31, 0, 0, 43, 31, 0, 0)
        start = bytes.fromhex("ff4fff5100290000") + size + bytes([0, 1, bits - 1, 1, 1])
        assert np.array_equal(openjpeg.decode(BytesIO(start + part)), x_JI)
        assert b"OpenJPEG" not in part


def test_quality_is_about_the_psnr():
    x_NJI = beating((1, 120, 130), 12)
    for aim in (30, 40, 50, 60):
        decoded = Jpeg2000().decode(Jpeg2000().encode(x_NJI, 12, aim, 1), x_NJI.shape, 12, 1)
        psnr = 10 * np.log10(4095**2 / np.mean((decoded.astype(float) - x_NJI) ** 2))
        assert abs(psnr - aim) < 3


def test_the_best_rung_serves_where_the_allocation_fails():
    x_NJI = np.full((1, 8, 8), 255, np.uint16)
    decoded = Jpeg2000().decode(Jpeg2000().encode(x_NJI, 8, Jpeg2000.qualities[0], 1), x_NJI.shape, 8, 1)
    assert np.abs(decoded.astype(int) - x_NJI).max() <= 1
