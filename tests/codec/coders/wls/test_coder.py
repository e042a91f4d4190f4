import tracemalloc

import numpy as np
import pytest
from tests.codec.coders.pictures_for_tests import awkward, beating

from codec.scans import DTYPES, noise, of_specials, same_bits, smooth
from vesalius.codec.coders.table import coder
from vesalius.codec.coders.wls.coder import Wls
from vesalius.codec.mapping import exact_map
from vesalius.codec.survey import survey
from vesalius.codec.tiers import LosslessTier
from vesalius.errors import CorruptFileError
from vesalius.scan.scan import Scan

MAKERS = (noise, of_specials, smooth)


def array_of(seed):
    """A random small chunk (1, N, I, J) of any number type: noise, extremes, smooth, sparse or constant."""
    rng = np.random.default_rng(seed)
    dtype = DTYPES[rng.integers(len(DTYPES))]
    shape = (1, *(1 if rng.random() < 0.25 else int(rng.integers(1, 10)) for _ in range(3)))
    kind = rng.integers(6)
    if kind < 2:
        return (noise, of_specials)[kind](dtype, shape, seed)
    x = smooth((*shape, 1), np.float64, int(rng.choice([2, 90, 30000])), seed)[..., 0]
    if kind == 3:
        x *= rng.random(shape) < 0.1
    if kind == 4:
        x[:] = x.flat[0]
    if kind == 5:
        x[..., : shape[3] // 2] = 0
    top = 1.0 if dtype.kind == "b" else (127.0 if dtype.itemsize == 1 else 30000.0)
    return np.minimum(x, top).astype(dtype)


def check(seed):
    stored = array_of(seed)
    found = survey(Scan.from_array(stored[..., None]))
    tier = LosslessTier(coder("wls"), found.keys, exact_map(found))
    payload = tier.encode(stored)
    assert same_bits(tier.decode(payload, stored.shape), stored), seed
    assert len(payload) <= 1.05 * stored.nbytes + 128, seed


def test_round_trip_of_random_small_arrays():
    for seed in range(700):
        check(seed)


@pytest.mark.slow
def test_round_trip_of_ten_thousand_random_small_arrays():
    for seed in range(10_000):
        check(seed)


@pytest.mark.parametrize("bits", [1, 7, 8, 12, 16])
def test_noise_grows_by_one_byte_at_most(bits):
    x_NJI = awkward((3, 40, 50), bits)["noise"]
    assert len(Wls().encode(x_NJI, bits, None, 1)) <= 1 + x_NJI.size * (1 if bits <= 8 else 2)


def test_what_is_zero_in_all_pictures_costs_nearly_nothing():
    x_NJI = beating((5, 80, 80), 11)
    x_NJI[:, :40] = 0
    half = Wls().encode(x_NJI[:, 40:], 11, None, 1)
    assert len(Wls().encode(x_NJI, 11, None, 1)) < 1.06 * len(half) + 60


def test_the_bytes_do_not_depend_on_the_threads():
    for shape in ((3, 30, 40), (6, 120, 100)):
        x_NJI = beating(shape, 11)
        assert Wls().encode(x_NJI, 11, None, 3) == Wls().encode(x_NJI, 11, None, 1)


def test_time_helps():
    x_NJI = np.repeat(beating((1, 64, 64), 10), 6, axis=0)
    alone = len(Wls().encode(x_NJI[:1], 10, None, 1))
    assert len(Wls().encode(x_NJI, 10, None, 1)) < 2.5 * alone


def test_smaller_than_library_coders_on_moving_pictures():
    x_NJI = beating((12, 96, 90), 10, noise=0.01)
    sizes = {name: len(coder(name).encode(x_NJI, 10, None, 1)) for name in ("wls", "jpegxl", "jpegls", "x265")}
    assert sizes["wls"] < 0.97 * min(size for name, size in sizes.items() if name != "wls")


def test_nearly_every_flipped_bit_is_seen():
    """A changed weight may move a few pixels and no context; the checksum of the file's frame is there for that."""
    x_NJI = beating((3, 30, 40), 9)
    data = Wls().encode(x_NJI, 9, None, 1)
    rng = np.random.default_rng(0)
    missed = 0
    for _ in range(300):
        changed = bytearray(data)
        changed[rng.integers(1, len(data))] ^= 1 << rng.integers(8)
        try:
            missed += np.array_equal(Wls().decode(bytes(changed), x_NJI.shape, 9, 1), x_NJI) == 0
        except CorruptFileError as error:
            assert len(str(error).splitlines()) == 1
    assert missed <= 15


def test_hostile_streams_take_no_more_memory_than_the_pictures():
    shape = (2, 500, 500)
    data = Wls().encode(beating(shape, 10), 10, None, 1)
    rng = np.random.default_rng(5)
    Wls().decode(data, shape, 10, 1)
    tracemalloc.start()
    for _ in range(20):
        hostile = data[:18] + rng.bytes(200) if rng.random() < 0.5 else data[: int(rng.integers(18, len(data)))]
        with pytest.raises(CorruptFileError):
            Wls().decode(hostile, shape, 10, 1)
    assert tracemalloc.get_traced_memory()[1] < 24 * np.prod(shape)
    tracemalloc.stop()


def test_a_stored_chunk_of_another_length_is_refused():
    for data in (b"\0", b"\0" + bytes(11), b"\0" + bytes(13), b"\2" + bytes(12)):
        with pytest.raises(CorruptFileError):
            Wls().decode(data, (1, 2, 3), 16, 1)
