import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from codec.plain_coders import Raw
from vesalius.codec.sequences import SequenceReader, encode_sequence, from_pictures, to_pictures
from vesalius.errors import CorruptFileError

RAW = Raw()
planes = hnp.arrays(np.uint16, hnp.array_shapes(min_dims=4, max_dims=4, max_side=4), elements=st.integers(0, 4095))


def test_pictures_have_rows_j_and_columns_i():
    x_CTIJ = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    pictures = to_pictures(x_CTIJ)
    assert pictures.shape == (6, 5, 4)
    assert pictures.flags.c_contiguous
    for c, t, i, j in [(0, 0, 0, 0), (1, 2, 3, 4), (1, 0, 2, 1)]:
        assert pictures[3 * c + t, j, i] == x_CTIJ[c, t, i, j]
    assert (from_pictures(pictures, (2, 3, 4, 5)) == x_CTIJ).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(planes, min_size=1, max_size=3))
def test_planes_come_back_in_order(several):
    payload = b"".join(encode_sequence(plane, 12, RAW, None) for plane in several)
    reader = SequenceReader(payload)
    for plane in several:
        assert (reader.decode(plane.shape, 12, RAW) == plane).all()
    reader.finish()


def test_layout_of_a_sequence():
    plane = np.array([[[[7, 7], [7, 7]]], [[[1, 2], [3, 4]]]], dtype=np.uint16)  # two channels, one constant
    coded = RAW.encode(np.array([[[1, 3], [2, 4]]], dtype=np.uint16), 3, None, 1)
    expected = struct.pack("<BH", 0, 7) + struct.pack("<BI", 1, len(coded)) + coded
    assert encode_sequence(plane, 3, RAW, None) == expected


@pytest.mark.parametrize(("threads", "channels", "inner"), [(1, 3, 1), (2, 3, 1), (6, 3, 2), (4, 1, 4)])
def test_threads_beyond_the_channels_go_to_lossless_coders(threads, channels, inner):
    given = []

    class Telling(Raw):
        def encode(self, x_NJI, bits, quality, threads):
            given.append((quality, threads))
            return super().encode(x_NJI, bits, quality, threads)

    plane = np.arange(channels * 24, dtype=np.uint16).reshape(channels, 2, 3, 4)
    for quality in (None, 4.0):
        payload = encode_sequence(plane, 8, Telling(), quality, threads)
        assert payload == encode_sequence(plane, 8, RAW, quality)
    assert given == [(None, inner)] * channels + [(4.0, 1)] * channels


def test_every_shorter_payload_is_refused():
    plane = np.arange(2 * 2 * 3 * 3, dtype=np.uint16).reshape(2, 2, 3, 3)
    payload = encode_sequence(plane, 6, RAW, None)
    for length in range(len(payload)):
        with pytest.raises(CorruptFileError):
            SequenceReader(payload[:length]).decode(plane.shape, 6, RAW)


def test_bytes_left_over_are_refused():
    reader = SequenceReader(b"\0\5\0!")
    assert (reader.decode((1, 1, 2, 2), 6, RAW) == 5).all()
    with pytest.raises(CorruptFileError, match="left over"):
        reader.finish()


@pytest.mark.parametrize(
    "payload", [b"\0\0\1", encode_sequence(np.array([[[[1, 256]]]], dtype=np.uint16), 12, RAW, None)]
)
def test_values_beyond_the_depth_are_refused(payload):
    with pytest.raises(CorruptFileError, match="beyond its depth"):
        SequenceReader(payload).decode((1, 1, 1, 2), 8, RAW)
    SequenceReader(payload).decode((1, 1, 1, 2), 9, RAW)


def test_unknown_modes_are_refused():
    with pytest.raises(CorruptFileError, match="mode"):
        SequenceReader(b"\2\0\0").decode((1, 1, 2, 2), 6, RAW)


def test_numbers_are_taken_in_order():
    reader = SequenceReader(struct.pack("<qB", -3, 9))
    assert reader.take(struct.Struct("<q")) == (-3,)
    assert reader.take(struct.Struct("<B")) == (9,)
    with pytest.raises(CorruptFileError, match="ends early"):
        reader.take(struct.Struct("<B"))
