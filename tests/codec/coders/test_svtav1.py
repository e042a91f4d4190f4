import av
import numpy as np
import pytest
from tests.codec.coders.pictures_for_tests import beating

from vesalius.codec.coders.svtav1 import SvtAv1, temporal_units
from vesalius.errors import CorruptFileError


def units_of(data):
    """Type and payload of each unit of a stream, read bit by bit."""
    place, found = 0, []
    while place < len(data):
        kind, place, size, shift = data[place] >> 3 & 15, place + 1, 0, 0
        while True:
            byte = data[place]
            size, shift, place = size | (byte & 127) << shift, shift + 7, place + 1
            if byte < 128:
                break
        found.append((kind, data[place : place + size]))
        place += size
    return found


@pytest.mark.parametrize("count", [1, 2, 9, 33])
def test_stripped_stream_has_one_key_frame_and_no_delimiters(count):
    x_NJI = beating((count, 66, 70), 10)
    data = SvtAv1().encode(x_NJI, 10, 40, 1)
    units = units_of(data)
    kinds = [kind for kind, _ in units]
    assert kinds.count(1) == 1
    assert kinds[0] == 1
    assert set(kinds) <= {1, 3, 6}
    headers = [body[0] for kind, body in units if kind in (3, 6)]
    assert sum(1 for first in headers if first & 0x80 or first & 0x10) == count
    keys = [first for first in headers if not first & 0x80 and first >> 5 & 3 == 0]
    assert len(keys) == 1


def test_temporal_units_show_one_frame_each():
    x_NJI = beating((9, 66, 70), 10)
    units = temporal_units(SvtAv1().encode(x_NJI, 10, 40, 1), 9)
    assert all(unit.startswith(b"\x12\0") for unit in units)
    context = av.CodecContext.create("libdav1d", "r")
    context.thread_count = 1
    assert [len(context.decode(av.Packet(unit))) for unit in units] == [1] * 9


def test_chroma_is_grey_and_costs_nearly_nothing():
    flat = SvtAv1().encode(np.full((20, 64, 64), 512, np.uint16), 10, 40, 1)
    assert len(flat) < 500


def test_foreign_units_are_refused():
    x_NJI = beating((3, 66, 70), 10)
    data = SvtAv1().encode(x_NJI, 10, 40, 1)
    sequence_end = 2 + data[1]
    for changed in (b"\x12\0" + data, data + data[sequence_end:], data[sequence_end:], data + b"\x2a\x01\x00"):
        with pytest.raises(CorruptFileError):
            SvtAv1().decode(changed, x_NJI.shape, 10, 1)


def test_a_larger_stream_than_claimed_is_refused():
    data = SvtAv1().encode(beating((2, 400, 420), 10), 10, 40, 1)
    with pytest.raises(CorruptFileError, match="video"):
        SvtAv1().decode(data, (2, 66, 70), 10, 1)


def test_shallow_pictures_come_back_at_their_depth():
    x_NJI = beating((4, 66, 70), 3, noise=0.0)
    decoded = SvtAv1().decode(SvtAv1().encode(x_NJI, 3, 1, 1), x_NJI.shape, 3, 1)
    assert np.abs(decoded.astype(int) - x_NJI).max() <= 1
    assert (decoded != x_NJI).mean() < 0.01
