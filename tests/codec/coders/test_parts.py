import pytest
from hypothesis import given
from hypothesis import strategies as st

from vesalius.codec.coders import parts
from vesalius.errors import CorruptFileError


@given(st.lists(st.binary(max_size=300)))
def test_split_undoes_join(strings):
    assert parts.split(parts.join(strings), most=len(strings)) == strings


def test_lengths_are_leb128():
    assert parts.join([b"a" * 300, b""])[:2] == bytes([0x80 | 300 % 128, 300 // 128])
    assert parts.leb128(0) == b"\0"
    assert parts.read_leb128(b"\xe5\x8e\x26", 0) == (624485, 3)


@pytest.mark.parametrize("data", [b"\x02a", b"\x80", b"\xff" * 9, b"\xff\xff\xff\xff\xff\x7f"])
def test_a_length_beyond_the_end_is_refused(data):
    with pytest.raises(CorruptFileError):
        parts.split(data, most=9)


def test_too_many_parts_are_refused_early():
    with pytest.raises(CorruptFileError):
        parts.split(bytes(10_000_000), most=5)


@given(st.binary(max_size=60))
def test_any_bytes_give_parts_or_an_error(data):
    try:
        found = parts.split(data, most=60)
    except CorruptFileError:
        return
    assert sum(map(len, found)) <= len(data)
