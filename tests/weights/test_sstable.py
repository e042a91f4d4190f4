import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vesalius.weights.sstable import read_table, varint
from weights.tables import PLAIN, SNAPPY, stored, table
from weights.tables import varint as written

ENTRIES = {f"resnet/block{n}/unit{n % 3}/kernel".encode(): bytes([n]) * (40 * n) for n in range(12)} | {b"": b"header"}


@given(
    entries=st.dictionaries(st.binary(max_size=12), st.binary(max_size=300), max_size=12),
    per_block=st.integers(1, 5),
    kind=st.sampled_from([PLAIN, SNAPPY]),
)
@settings(max_examples=40, deadline=None)
def test_round_trip(entries, per_block, kind):
    assert read_table(table(entries, per_block, kind)) == entries


@given(number=st.integers(0, 2**64 - 1))
def test_numbers(number):
    data = b"x" + written(number) + b"y"
    assert varint(data, 1) == (number, len(data) - 1)


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff" * 9 + b"\x02", b"\x80" * 10 + b"\x00"])
def test_numbers_that_do_not_end_or_are_too_large(data):
    with pytest.raises(ValueError, match="a number is cut short or too long"):
        varint(data, 0)


def test_a_compressed_table_is_smaller():
    assert len(table(ENTRIES, kind=SNAPPY)) < len(table(ENTRIES, kind=PLAIN)) / 2


@pytest.mark.parametrize("kind", [PLAIN, SNAPPY])
def test_damage_is_refused_or_changes_nothing(kind):
    """Only padding of the footer and the unused block of meta data have no checksum that is looked at."""
    data, unharmed = table(ENTRIES, kind=kind), 0
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 0x55
        try:
            assert read_table(bytes(damaged)) == ENTRIES
            unharmed += 1
        except ValueError as error:
            assert str(error)
    assert unharmed < 60
    for length in range(0, len(data), 7):
        with pytest.raises(ValueError, match="it does not end as an index does"):
            read_table(data[:length])


def one_block(piece: bytes, size: int | None = None) -> bytes:
    """A table whose index is this block."""
    handles = written(0) + written(0) + written(0) + written(len(piece) - 5 if size is None else size)
    return piece + handles.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (one_block(stored(b"abcd" * 9, 2)), r"compressed in an unknown way \(2\)"),
        (one_block(stored(b"", PLAIN), 10**12), "lies outside the file"),
        (one_block(stored(b"ab", PLAIN)), "a block is cut short"),
        (one_block(stored(struct.pack("<I", 9), PLAIN)), "a block is cut short"),
        (one_block(stored(b"\x01\x01\x01ab" + struct.pack("<II", 0, 1), PLAIN)), "an entry of the index is damaged"),
        (one_block(stored(b"\x00\x01\x09ab" + struct.pack("<II", 0, 1), PLAIN)), "an entry of the index is damaged"),
    ],
)
def test_what_lies_inside_a_sound_block(data, reason):
    with pytest.raises(ValueError, match=reason):
        read_table(data)


def test_a_block_that_would_swell_is_refused_before_it_does(monkeypatch):
    from vesalius.weights import sstable
    from weights import tables

    monkeypatch.setattr(tables, "snappy_encode", lambda contents: written(1 << 40) + contents)
    with pytest.raises(ValueError, match="a block of 1099511627776 bytes is too large"):
        read_table(one_block(stored(b"abc", SNAPPY)))
    monkeypatch.setattr(tables, "snappy_encode", lambda contents: written(8) + b"\xff" + contents)
    with pytest.raises(ValueError, match="a block cannot be decompressed"):
        read_table(one_block(stored(b"abc", SNAPPY)))
    assert sstable._MOST_BLOCK == 1 << 26
