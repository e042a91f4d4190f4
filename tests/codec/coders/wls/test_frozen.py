"""The tables of version 1 never change; each is also derived here from the words of docs/vsl-format.md."""

import hashlib

import numpy as np

from codec.second_wls import first_counts, neighbours
from vesalius.codec.coders.wls import frozen


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array, dtype="<i4").tobytes()).hexdigest()[:16]


def test_neighbours_are_sorted_by_distance():
    now, near = neighbours()
    assert (list(frozen.NOW), list(frozen.BEFORE)) == (now, near)
    assert (len(now), len(near)) == (39, 81)
    assert digest(frozen.NOW) == "09848eeebd69bb29"
    assert digest(frozen.BEFORE) == "3e40fe45eb1ba5f8"


def test_first_counts():
    table = frozen.prior()
    assert table.shape == (3 * frozen.CONTEXTS, frozen.SYMBOLS)
    assert table[: frozen.CONTEXTS].tolist() == [first_counts(context) for context in range(frozen.CONTEXTS)]
    assert np.array_equal(table[frozen.CONTEXTS : 2 * frozen.CONTEXTS], table[: frozen.CONTEXTS])
    assert digest(table) == "8002bfdadaa1cf31"


def test_contexts_rise_with_the_scale_in_steps_of_a_quarter_octave():
    table = frozen.context_table()
    assert table[:9].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert (np.diff(table.astype(int)) >= 0).all()
    for q in range(4, 2048):
        assert table[2 * q] == table[q] + 4
    assert int(table[-1]) + 32 == frozen.CONTEXTS - 1
    assert digest(table) == "a263066b958137f3"


def test_the_weights_of_the_scale_cannot_overflow():
    assert len(frozen.SCALE) == len(frozen.SCALE_PLACES) + 2
    largest_error = 8 * 65535
    mean = sum(w for w, place in zip(frozen.SCALE[2:], frozen.SCALE_PLACES, strict=True) if place[0] == 3)
    rest = sum(frozen.SCALE) - mean
    assert largest_error * (rest + 8 * mean) < 2**31
    assert largest_error * sum(frozen.SCALE_FIRST) < 2**31
