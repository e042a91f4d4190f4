import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from codec import second_tokens
from codec.token_tables import cell_tables, cell_tokens, numbers
from vesalius.codec.token_stream import TokenPrior, read_tokens, write_tokens
from vesalius.errors import CorruptFileError, InputError

CELLS = TokenPrior.of(cell_tables(6))
STILL = TokenPrior.of(cell_tables(6, rates=(0, 0, 0)))
GOLDEN_KIND = (36, 0.4027777777777778)
GOLDEN = (
    "c96a0906c921bc971e32051fdb1684b13a64d3fcb79617c07a6aa34a20f54aa071cc076fc533b0a5e70dd269e8b9ec352bdf"
    "8f1c6774de1d163067aa7e74ed649132e6e66b1ec78dd6839fcc95be620d3f1683b92f421f54e33853bd2515d4b7e19adffa"
    "a200bcb7475bd6b6105402f9598bb67e2fc1d5f08b6bd74f8812bbe1c8b1c1fc7b1accbfdac9a8e72cc4c832faf581040e4c"
    "66b6c487cf0f7807ff3af450"
)
GOLDEN_STILL = (
    "c96a0906c9225a501ce68386e2451351414c11aadc92a064bce18c49476a20b130ee6633873aa396169b4363be9731b15c22"
    "81c65f2106239f5e62ff4156d8819c12f0ca9438fe1934107b39a48f46ab9ab7ef501de21c8acc0af55c07ae889bc9695b82"
    "0c68f5a7aae17cac48a65d07a0b86ae6ba173e4c3cd4df5857839aa37a29314072589680d4af07320a9df90104fb23d8ddc3"
    "5e32315c788b93d95e6f698b5ce95b3444410d1a410d72"
)
GOLDEN_CODES = "0a76650105622839b033cff747f746738df2ce6a8c7fe49d89237213cb14dc2be6c3d25b5f2da7eaf141e8b723c0"


@settings(max_examples=60)
@given(st.data())
def test_any_tokens_of_cells_come_back(data):
    groups, rows, columns = (data.draw(st.integers(0, 4)) for _ in range(3))
    components = data.draw(st.integers(0, 6))
    most = data.draw(st.sampled_from([0, 1, 3, 40, 300, 1 << 30]))
    shape = (groups, rows * columns, components)
    tokens = data.draw(hnp.arrays(np.int32, shape, elements=st.integers(-most, most)))
    for prior in (CELLS, STILL):
        coded = write_tokens(tokens, (rows, columns), 40, prior)
        again = read_tokens(coded, shape, (rows, columns), 40, prior)
        assert again.dtype == np.int32
        np.testing.assert_array_equal(again, tokens)


@settings(max_examples=60)
@given(st.data())
def test_any_codes_come_back(data):
    codes = data.draw(st.sampled_from([1, 2, 3, 30, 256, 4096, 64000]))
    groups, places = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 20))
    tokens = data.draw(hnp.arrays(np.int32, (groups, places, 1), elements=st.integers(0, codes - 1)))
    prior = TokenPrior.of({"codes": np.array([codes])})
    coded = write_tokens(tokens, (1, places), 0, prior)
    np.testing.assert_array_equal(read_tokens(coded, tokens.shape, (1, places), 0, prior), tokens)


def test_golden_cells():
    tokens = cell_tokens((3, 12, 6), 40)
    assert (np.abs(tokens).max(), (tokens == 0).mean()) == GOLDEN_KIND
    for prior, golden in ((CELLS, GOLDEN), (STILL, GOLDEN_STILL)):
        assert write_tokens(tokens, (3, 4), 30, prior).hex() == golden
        np.testing.assert_array_equal(read_tokens(bytes.fromhex(golden), tokens.shape, (3, 4), 30, prior), tokens)


def test_golden_codes():
    tokens = (numbers(60, 5) % 40).reshape(4, 15, 1).astype(np.int32)
    tokens[1:, ::2] = tokens[0, ::2]
    prior = TokenPrior.of({"codes": np.array([500])})
    assert write_tokens(tokens, (1, 15), 0, prior).hex() == GOLDEN_CODES
    np.testing.assert_array_equal(read_tokens(bytes.fromhex(GOLDEN_CODES), tokens.shape, (1, 15), 0, prior), tokens)


def test_a_second_decoder_reads_the_same():
    tokens = cell_tokens((3, 12, 6), 400)
    coded = write_tokens(tokens, (3, 4), 40, CELLS)
    np.testing.assert_array_equal(second_tokens.read(coded, tokens.shape, (3, 4), 40, cell_tables(6)), tokens)
    narrow = cell_tokens((2, 3, 5), 3)
    coded = write_tokens(narrow, (1, 3), 30, CELLS)
    np.testing.assert_array_equal(second_tokens.read(coded, narrow.shape, (1, 3), 30, cell_tables(6)), narrow)


@pytest.mark.parametrize(("entries", "used"), [(500, 40), (3, 3), (70000, 32768)])
def test_a_second_decoder_reads_the_same_codes(entries, used):
    tokens = numbers(60, 5).reshape(4, 15, 1) % used
    tokens[1:, ::2] = tokens[0, ::2]
    coded = write_tokens(tokens, (1, 15), 0, TokenPrior.of({"codes": np.array([entries])}))
    again = second_tokens.read(coded, tokens.shape, (1, 15), 0, {"codes": [entries]})
    np.testing.assert_array_equal(again, tokens)


def test_two_threads_give_the_same_bytes(repository):
    program = (
        "import hashlib, sys; sys.path.insert(0, 'tests')\n"
        "from codec.token_tables import cell_tables, cell_tokens\n"
        "from vesalius.codec.token_stream import TokenPrior, write_tokens\n"
        "print(write_tokens(cell_tokens((3, 12, 6), 40), (3, 4), 30, TokenPrior.of(cell_tables(6))).hex())"
    )
    command = [sys.executable, "-c", program]
    env = {**os.environ, "NUMBA_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"}
    ended = subprocess.run(command, cwd=repository, env=env, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == GOLDEN


def test_zeros_cost_nothing_but_the_head():
    coded = write_tokens(np.zeros((10, 150, 6), np.int32), (10, 15), 30, CELLS)
    assert len(coded) == 4


def test_codes_that_repeat_cost_little():
    tokens = np.repeat(numbers(64, 3).reshape(1, 64, 1) % 4096, 20, axis=0)
    prior = TokenPrior.of({"codes": np.array([4096])})
    once = len(write_tokens(tokens[:1], (8, 8), 0, prior))
    assert 64 * 12 / 8 < once < 64 * 12 / 8 + 20
    assert len(write_tokens(tokens, (8, 8), 0, prior)) < once + 20 * 64 / 8 / 8


def test_codes_out_of_few_cost_what_few_cost():
    """50 of 4096 codes are in use: a static code takes 12 bits for each, these must come near log2(50)."""
    tokens = (numbers(2000, 8) % 50 * 80).reshape(20, 100, 1)
    coded = write_tokens(tokens, (1, 100), 0, TokenPrior.of({"codes": np.array([4096])}))
    assert len(coded) < 2000 * np.log2(50) / 8 + 50 * 12 / 8 + 60


@pytest.mark.parametrize("kind", ["cells", "codes"])
def test_damage_is_found(kind):
    if kind == "cells":
        prior, tokens, grid = CELLS, cell_tokens((3, 12, 6), 40), (3, 4)
    else:
        prior, tokens, grid = TokenPrior.of({"codes": np.array([50])}), numbers(60, 5).reshape(4, 15, 1) % 50, (1, 15)
    coded = write_tokens(tokens, grid, 30, prior)
    draw = np.random.default_rng(5)
    refused = 0
    for trial in range(300):
        damaged = bytearray(coded)
        at = int(draw.integers(len(coded)))
        if trial % 3 == 0:
            damaged[at] ^= 1 << int(draw.integers(8))
        elif trial % 3 == 1:
            del damaged[at:]
        else:
            damaged[at:at] = draw.bytes(int(draw.integers(1, 9)))
        try:
            again = read_tokens(bytes(damaged), tokens.shape, grid, 30, prior)
        except CorruptFileError:
            refused += 1
        else:
            np.testing.assert_array_equal(again, tokens)
    assert refused > 250


@pytest.mark.parametrize("coded", [b"", b"abc", b"abc\xff", b"abc\x07", b"abc\x06" + bytes(range(200))])
def test_other_bytes_are_refused(coded):
    with pytest.raises(CorruptFileError):
        read_tokens(coded, (3, 12, 6), (3, 4), 30, CELLS)


def test_another_model_is_found():
    tokens = cell_tokens((3, 12, 6), 40)
    with pytest.raises(CorruptFileError, match="model"):
        read_tokens(write_tokens(tokens, (3, 4), 30, CELLS), tokens.shape, (3, 4), 30, STILL)


@pytest.mark.parametrize(
    ("tokens", "grid", "quality", "words"),
    [
        (np.zeros((2, 6, 7), np.int32), (2, 3), 30, "7 components"),
        (np.zeros((2, 6, 4), np.int32), (2, 4), 30, "grid"),
        (np.zeros((2, 6), np.int32), (2, 3), 30, "shape"),
        (np.zeros((2, 6, 4), np.int32), (2, 3), 31, "quality 31"),
        (np.zeros((2, 6, 4), np.float32), (2, 3), 30, "integers"),
        (np.full((2, 6, 4), 1 << 31, np.int64), (2, 3), 30, "outside"),
    ],
)
def test_what_cannot_be_coded_is_refused(tokens, grid, quality, words):
    with pytest.raises(InputError, match=words):
        write_tokens(tokens, grid, quality, CELLS)
    if "integers" not in words and "outside" not in words:
        with pytest.raises(CorruptFileError, match=words):
            read_tokens(bytes(9), tokens.shape, grid, quality, CELLS)


def test_a_code_beyond_the_book_is_refused():
    with pytest.raises(InputError, match="outside 0 to 49"):
        write_tokens(np.full((1, 1, 1), 50), (1, 1), 0, TokenPrior.of({"codes": np.array([50])}))


def test_more_memory_than_allowed_is_refused(memory_limit):
    coded = write_tokens(np.ones((4, 400, 6), np.int32), (20, 20), 30, CELLS)
    memory_limit(40_000)
    with pytest.raises(InputError, match="memory"):
        read_tokens(coded, (4, 400, 6), (20, 20), 30, CELLS)
    with pytest.raises(InputError, match="memory"):
        write_tokens(np.ones((4, 400, 6), np.int32), (20, 20), 30, CELLS)
