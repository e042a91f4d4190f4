import struct
import tracemalloc

import numpy as np
import pytest

from vesalius.codec.coders.wls import frozen
from vesalius.codec.coders.wls.model import Model, kernel_arguments, taps_of, unpack
from vesalius.errors import CorruptFileError

SHAPE = (4, 20, 30)
STATE = (1 << 40) + 5


def model(classes=3, mask=True):
    rng = np.random.default_rng(classes)
    weights = tuple(
        rng.integers(-32767, 32768, (classes if level == 2 else 1, len(taps_of((5, 3, 1), level)))).astype(np.int16)
        for level in range(3)
    )
    blocks = rng.integers(0, classes, (3, 4)).astype(np.uint8)
    return Model((5, 3, 1), 12, 3, 4095, blocks, weights, rng.random(SHAPE[1:]) < 0.2 if mask else None)


@pytest.mark.parametrize("classes", [1, 3, 32])
@pytest.mark.parametrize("mask", [False, True])
def test_round_trip(classes, mask):
    made, words = model(classes, mask), np.arange(7, dtype=np.uint32)
    back, state, read = unpack(made.pack(STATE, words), SHAPE)
    assert (back.neighbours, back.shift, back.block_log2, back.top) == (made.neighbours, made.shift, 3, 4095)
    assert all(np.array_equal(a, b) for a, b in zip(back.weights, made.weights, strict=True))
    assert np.array_equal(back.classes_JI, made.classes_JI if classes > 1 else np.zeros((3, 4)))
    assert (back.mask_JI is None) == (not mask)
    if mask:
        assert np.array_equal(back.mask_JI, made.mask_JI)
    assert state == STATE
    assert np.array_equal(read, words)


HEADS = {
    "no neighbour": {0: 0},
    "too many now": {0: 40},
    "too many before": {1: 82},
    "too many two before": {2: 255},
    "fraction bits": {3: 15},
    "too few fraction bits": {3: 6},
    "small blocks": {4: 2},
    "large blocks": {4: 13},
    "no class": {5: 0},
    "too many classes": {5: 33},
    "unknown flag": {6: 0xF9},
    "classes without a level": {6: 1},
    "one class with a level": {5: 1},
    "low state": {8: 1},
    "high state": {8: 1 << 63},
}


@pytest.mark.parametrize("name", HEADS)
def test_impossible_heads_are_refused(name):
    data = model().pack(STATE, np.zeros(3, np.uint32))
    head = list(struct.unpack_from("<BBBBBBBHQ", data))
    for place, value in HEADS[name].items():
        head[place] = value
    with pytest.raises(CorruptFileError):
        unpack(struct.pack("<BBBBBBBHQ", *head) + data[17:], SHAPE)


def test_every_cut_is_refused_or_loses_words():
    data = model().pack(STATE, np.zeros(2, np.uint32))
    for length in range(len(data)):
        try:
            _, _, words = unpack(data[:length], SHAPE)
        except CorruptFileError:
            continue
        assert len(words) < 2


def test_planes_for_other_pictures_are_refused():
    data = model().pack(STATE, np.zeros(2, np.uint32))
    for shape in ((4, 20, 40), (4, 90, 30), (4, 20, 29)):
        with pytest.raises(CorruptFileError):
            unpack(data, shape)


def test_a_plane_cannot_grow_beyond_its_pictures():
    import zlib

    from vesalius.codec.coders import parts

    bomb = zlib.compressobj(9, wbits=-15)
    packed = bomb.compress(bytes(1 << 26)) + bomb.flush()
    data = model().pack(STATE, np.zeros(0, np.uint32))
    weights = data[17:]
    length, start = parts.read_leb128(weights, 0)
    side = parts.join([weights[start : start + length], packed, packed])
    tracemalloc.start()
    with pytest.raises(CorruptFileError):
        unpack(data[:17] + side, SHAPE)
    assert tracemalloc.get_traced_memory()[1] < 1 << 21
    tracemalloc.stop()


def test_weights_beyond_16_bits_are_refused():
    made = model()
    wide = [weights.astype(np.int64) for weights in made.weights]
    wide[2][1] += 40000
    with pytest.raises(CorruptFileError, match="weights"):
        unpack(Model(made.neighbours, 12, 3, 4095, made.classes_JI, tuple(wide), None).pack(STATE, np.zeros(0)), SHAPE)


def test_the_kernel_gets_every_neighbour_once():
    made = model()
    classed, taps, n_taps, weights, classes = kernel_arguments(made)
    assert classed.tolist() == [0, 0, 1]
    assert np.array_equal(classes[2], made.classes_JI)
    for level in range(3):
        expected = dict(zip(taps_of(made.neighbours, level), made.weights[level][0].tolist(), strict=True))
        left = {(0, 0, -1 - n): int(weights[level, 0, n]) for n in range(4)}
        others = [(tuple(tap), int(w)) for tap, w in zip(taps[level].tolist(), weights[level, 0, 4:], strict=True)]
        given = {tap: w for tap, w in [*left.items(), *others[: n_taps[level]]] if w}
        assert given == {tap: w for tap, w in expected.items() if w}
        assert n_taps[level] % 4 == 0
    assert set(frozen.NOW[:5]) >= {(0, -1), (0, -2)}
