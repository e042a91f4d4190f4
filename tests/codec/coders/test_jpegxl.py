import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.codec.coders.pictures_for_tests import beating

from vesalius.codec.coders import parts
from vesalius.codec.coders.jpegxl import JpegXl, read_header
from vesalius.errors import CorruptFileError


@settings(max_examples=40, deadline=None)
@given(
    shape=st.one_of(
        st.tuples(st.integers(1, 90), st.integers(1, 90)),
        st.sampled_from([(8, 8), (256, 256), (8, 16), (30, 40), (90, 160), (513, 2), (2, 8200), (40, 48), (300, 360)]),
    ),
    bits=st.integers(1, 16),
    quality=st.sampled_from([None, 3.0]),
)
def test_header_says_what_was_coded(shape, bits, quality):
    data = JpegXl().encode(np.zeros((1, *shape), np.uint16), bits, quality, 1)
    (stream,) = parts.split(data, most=1)
    assert read_header(stream) == (shape, bits)


def test_what_is_not_a_plain_grey_picture_is_refused():
    colour = imagecodecs.jpegxl_encode(np.zeros((4, 4, 4), np.uint8), usecontainer=False)
    boxed = imagecodecs.jpegxl_encode(np.zeros((4, 4), np.uint8), usecontainer=True)
    for stream in (colour, boxed, b"", b"\xff\x0a"):
        with pytest.raises(CorruptFileError):
            JpegXl().decode(parts.join([bytes(stream)]), (1, 4, 4), 8, 1)


def test_no_container_beyond_12_bits():
    x_NJI = beating((1, 20, 30), 16)
    (stream,) = parts.split(JpegXl().encode(x_NJI, 16, None, 1), most=1)
    assert stream.startswith(b"\xff\x0a")
    assert np.array_equal(imagecodecs.jpegxl_decode(stream), x_NJI[0])


def test_a_huge_claim_is_refused_before_decoding():
    stream = b"\xff\x0a" + (0b11 << 1 | ((1 << 30) - 1) << 3 | 1 << 33).to_bytes(8, "little")
    assert read_header(stream + bytes(16))[0][0] == 1 << 30
    with pytest.raises(CorruptFileError, match="another size"):
        JpegXl().decode(parts.join([stream + bytes(16)]), (1, 4, 4), 8, 1)
