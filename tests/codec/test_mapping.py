import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.scans import DTYPES, noise, of_specials, scan_of, seeds
from vesalius.codec.mapping import Offset, Rank, exact_map, pack_table, unpack_table
from vesalius.codec.survey import survey
from vesalius.errors import CorruptFileError

widths = st.sampled_from([8, 16, 32, 64])


def mapped(stored):
    """Keys of an array (1, 1, I, J, K) and the map that its survey gives."""
    found = survey(scan_of(stored))
    keys = found.keys.to_keys(stored[..., 0])
    return keys, exact_map(found), found.keys.bits


def check(keys, exact, bits):
    planes = exact.split(keys)
    assert len(planes) == len(exact.plane_bits)
    for plane, depth in zip(planes, exact.plane_bits, strict=True):
        assert plane.dtype == np.uint16
        assert plane.shape == keys.shape
        assert 1 <= depth <= 16
        assert int(plane.max()) < 1 << depth
    back = exact.join(planes, bits)
    assert back.dtype == keys.dtype
    assert (back == keys).all()


@settings(max_examples=60, deadline=None)
@given(widths, st.data())
def test_any_range_of_keys_comes_back(bits, data):
    limit = st.integers(0, 2**bits - 1)
    low, high = sorted((data.draw(limit), data.draw(limit)))
    inner = data.draw(st.lists(st.integers(low, high), max_size=30))
    keys = np.array([low, high, *inner], dtype=f"u{bits // 8}").reshape(1, 1, 1, -1)
    depth = max(1, (high - low).bit_length())
    cut = [16] * (depth // 16)
    check(keys, Offset(low, tuple(([depth % 16] if depth % 16 else []) + cut)), bits)
    check(keys, Rank(np.unique(keys)), bits)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("make", [noise, of_specials])
def test_the_map_of_a_survey_brings_every_type_back(dtype, make):
    check(*mapped(make(dtype, (2, 2, 9, 5, 1))))
    check(*mapped(make(dtype, (1, 1, 1, 1, 1))))


@settings(max_examples=60, deadline=None)
@given(widths, seeds, st.integers(1, 200))
def test_tables_come_back(bits, seed, count):
    table = np.unique(np.random.default_rng(seed).integers(0, 2**bits, count, dtype=np.uint64)).astype(f"u{bits // 8}")
    assert unpack_table(pack_table(table), len(table)).tolist() == table.tolist()


def test_a_table_is_byte_planes_of_differences():
    table = np.array([3, 5, 2**40], dtype=np.uint64)
    raw = struct.pack("<3Q", 3, 2, 2**40 - 5)
    assert zlib.decompress(pack_table(table)) == b"".join(raw[n::8] for n in range(8))


@pytest.mark.parametrize("data", [b"", b"nonsense", zlib.compress(bytes(23)), zlib.compress(bytes(25))])
def test_damaged_tables_are_refused(data):
    with pytest.raises(CorruptFileError, match="table of values"):
        unpack_table(data, 3)


def test_a_bomb_in_place_of_a_table_is_refused():
    with pytest.raises(CorruptFileError, match="length"):
        unpack_table(zlib.compress(bytes(100 << 20)), 3)


def test_a_rank_beyond_the_table_is_refused():
    with pytest.raises(CorruptFileError, match="rank"):
        Rank(np.array([1, 2, 3], dtype=np.uint64)).join([np.full((1, 1, 1, 1), 3, dtype=np.uint16)], 16)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5, 6, 7, 8], Offset(5, (2,))),
        ([0, 65535], Rank),
        ([7, 7], Offset(7, (1,))),
        ([0, 1, 3], Offset(0, (2,))),
        ([0, 3], Rank),
    ],
)
def test_ranks_where_less_than_half_of_the_range_occurs(values, expected):
    stored = np.array(values, dtype=np.uint16).reshape(1, 1, 1, 1, -1)
    made = exact_map(survey(scan_of(stored)))
    assert made == expected if isinstance(expected, Offset) else isinstance(made, expected)


def test_wide_ranges_are_cut_into_planes_of_sixteen_bits():
    stored = np.arange(70_000, dtype=np.uint32).reshape(1, 1, 1, -1, 1) * 3
    made = exact_map(survey(scan_of(stored)))
    assert made == Offset(0, (2, 16))
