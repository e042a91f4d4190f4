import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.scans import DTYPES, dtypes, noise, of_specials, same_bits, scan_of, seeds, specials
from vesalius.codec.mapping import IntegerKeys, Offset, Rank, exact_map, holds_integers, pack_table, unpack_table
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


ORDERED = [d for d in DTYPES if d.kind in "biuf" and d.itemsize <= 8]


@settings(max_examples=60, deadline=None)
@given(dtypes, st.tuples(*[st.integers(1, 4)] * 4), seeds, st.booleans())
def test_every_bit_comes_back(dtype, shape, seed, odd):
    stored = of_specials(dtype, shape, seed) if odd else noise(dtype, shape, seed)
    keymap = IntegerKeys(dtype)
    keys = keymap.to_keys(stored)
    assert keys.dtype == np.dtype(f"u{keymap.bits // 8}")
    assert keys.shape == (shape[0] * keymap.components, *shape[1:])
    assert same_bits(keymap.to_stored(keys), stored)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_views_with_strides_come_back(dtype):
    stored = noise(dtype, (4, 6, 5, 2)).transpose(3, 1, 0, 2)[:, ::2]
    keymap = IntegerKeys(dtype)
    assert keymap.to_stored(keymap.to_keys(stored)).tobytes() == stored.tobytes()


def _ordinal(value, dtype):
    """Place of a value in the order of its type, by the definition of two's complement and of IEEE 754."""
    size = dtype.itemsize
    if dtype.kind in "bu":
        return int(value)
    if dtype.kind == "i":
        return int(value) + (1 << (8 * size - 1))
    bits = int.from_bytes(np.array(value, dtype=dtype.newbyteorder("<")).tobytes(), "little")
    half = 1 << (8 * size - 1)
    return (1 << 8 * size) - 1 - bits if bits >= half else half + bits


@pytest.mark.parametrize("dtype", ORDERED, ids=str)
def test_keys_keep_the_order(dtype):
    values = np.concatenate([specials(dtype), noise(dtype, (200,))])
    keys = IntegerKeys(dtype).to_keys(values[None, None, None])[0, 0, 0].tolist()
    assert keys == [_ordinal(value, dtype) for value in values]
    inside = ~np.isnan(values) if dtype.kind == "f" else np.ones(len(values), dtype=bool)
    by_key = values[inside][np.argsort(np.array(keys, dtype=np.uint64)[inside], kind="stable")]
    assert (by_key[1:] >= by_key[:-1]).all()


@pytest.mark.parametrize(("code", "components", "bits"), [("<c8", 2, 32), (">c16", 2, 64), ("<f2", 1, 16), ("?", 1, 8)])
def test_components(code, components, bits):
    keymap = IntegerKeys(np.dtype(code))
    assert (keymap.components, keymap.bits) == (components, bits)


def test_extended_floats_become_words():
    for code in "gG":
        dtype = np.dtype(code)
        if dtype.itemsize > 16 or (code == "g" and dtype.itemsize > 8):
            assert (IntegerKeys(dtype).components, IntegerKeys(dtype).bits) == (dtype.itemsize // 2, 16)


def test_complex_components_are_channels_in_turn():
    stored = np.array([1 + 2j, 3 + 4j], dtype="<c8").reshape(2, 1, 1, 1)
    keys = IntegerKeys(stored.dtype).to_keys(stored).ravel()
    expected = IntegerKeys(np.dtype("<f4")).to_keys(np.array([1, 2, 3, 4], "<f4").reshape(4, 1, 1, 1)).ravel()
    assert keys.tolist() == expected.tolist()


@pytest.mark.parametrize("code", ["<f2", ">f4", "<f8"])
def test_whole_floats_are_keyed_as_integers(code):
    dtype = np.dtype(code)
    values = np.array([-1000, -1, 0, 1, 2, 1000], dtype=dtype).reshape(1, 1, 2, 3)
    keymap = IntegerKeys(dtype, whole=True)
    keys = keymap.to_keys(values)
    assert np.diff(keys.ravel().astype(np.int64)).tolist() == [999, 1, 1, 1, 998]
    assert same_bits(keymap.to_stored(keys), values)


@pytest.mark.parametrize(
    ("values", "whole"),
    [
        ([0.0, 1.0, -5.0], True),
        ([0.5], False),
        ([-0.0], False),
        ([np.nan], False),
        ([np.inf], False),
        ([1e300], False),
        ([2.0**53 - 1], True),
        ([2.0**53], False),
    ],
)
def test_holds_integers(values, whole):
    assert holds_integers(np.array(values)) is whole
    assert holds_integers(np.array(values, dtype=">f8")) is whole


def test_only_plain_floats_hold_integers():
    assert not holds_integers(np.array([1, 2]))
    assert not holds_integers(np.array([1 + 0j]))
    assert not holds_integers(np.array([2.0**30], dtype="f4"))
    assert np.dtype("g").itemsize == 8 or not holds_integers(np.array([1.0], dtype="g"))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["<f2", ">f4", "<f8"]), seeds)
def test_what_holds_integers_comes_back(code, seed):
    dtype = np.dtype(code)
    limit = {2: 2**11, 4: 2**24, 8: 2**53}[dtype.itemsize]
    values = np.random.default_rng(seed).integers(-limit + 1, limit, (1, 2, 3, 4)).astype(dtype)
    assert holds_integers(values)
    keymap = IntegerKeys(dtype, whole=True)
    assert same_bits(keymap.to_stored(keymap.to_keys(values)), values)
