"""What every coder must do, each test over all of them."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.codec.coders.pictures_for_tests import awkward, beating

from vesalius.codec.coders.table import CODERS, coder, coder_by_id
from vesalius.errors import CorruptFileError, UsageError, VesaliusError

NAMES = CODERS.names()
LOSSLESS = [name for name in NAMES if coder(name).lossless_bits]
LOSSY = [name for name in NAMES if coder(name).lossy_bits]
SHAPES = [(1, 1, 1), (1, 2, 3), (3, 1, 70), (2, 65, 1), (2, 17, 9), (5, 40, 33)]


@pytest.fixture(autouse=True)
def _quiet(capfd):
    """No library may write to the terminal: file descriptors are watched, not Python's streams."""
    yield
    out, err = capfd.readouterr()
    assert out == err == ""


def round_trip(name, x_NJI, bits, quality, threads=1):
    data = coder(name).encode(x_NJI, bits, quality, threads)
    decoded = coder(name).decode(data, x_NJI.shape, bits, threads)
    assert decoded.dtype == np.uint16
    assert decoded.shape == x_NJI.shape
    return data, decoded


@pytest.mark.parametrize("name", NAMES)
def test_card(name):
    made = coder(name)
    assert made.name == name
    assert coder_by_id(made.id) is made
    assert made.version >= 1
    assert bool(made.qualities) == bool(made.lossy_bits)
    assert len(set(made.qualities)) == len(made.qualities)
    assert made.lossless_bits or made.lossy_bits


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_at_every_depth(name):
    for bits in range(1, coder(name).lossless_bits + 1):
        x_NJI = beating((2, 13, 11), bits)
        assert np.array_equal(round_trip(name, x_NJI, bits, None)[1], x_NJI), bits


@pytest.mark.parametrize("name", LOSSLESS)
@pytest.mark.parametrize("shape_NJI", SHAPES, ids=str)
def test_lossless_on_awkward_pictures(name, shape_NJI):
    for bits in (1, 8, coder(name).lossless_bits):
        for kind, x_NJI in awkward(shape_NJI, bits).items():
            assert np.array_equal(round_trip(name, x_NJI, bits, None)[1], x_NJI), (bits, kind)


@pytest.mark.parametrize("name", LOSSLESS)
@settings(max_examples=12, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 40), st.integers(1, 40)),
    bits=st.integers(1, 16),
    noise=st.sampled_from([0.0, 0.01, 0.5]),
    seed=st.integers(0, 9),
)
def test_lossless_property(name, shape, bits, noise, seed):
    bits = min(bits, coder(name).lossless_bits)
    x_NJI = beating(shape, bits, noise, seed)
    assert np.array_equal(round_trip(name, x_NJI, bits, None)[1], x_NJI)


@pytest.mark.parametrize("name", LOSSLESS)
def test_uint8_is_taken_up_to_8_bits(name):
    x_NJI = beating((2, 13, 11), 8)
    assert np.array_equal(round_trip(name, x_NJI.astype(np.uint8), 8, None)[1], x_NJI)


@pytest.mark.parametrize("name", LOSSY)
@pytest.mark.parametrize("shape_NJI", SHAPES, ids=str)
def test_lossy_at_the_best_quality_is_close(name, shape_NJI):
    for bits in (8, coder(name).lossy_bits):
        x_NJI = beating(shape_NJI, bits)
        decoded = round_trip(name, x_NJI, bits, coder(name).qualities[0])[1]
        assert decoded.max() < 2**bits
        rms = np.sqrt(np.mean((decoded.astype(float) - x_NJI) ** 2))
        assert rms <= 0.006 * 2**bits + 0.5


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_takes_awkward_pictures_at_the_worst_quality(name):
    for bits in (1, coder(name).lossy_bits):
        for x_NJI in awkward((3, 9, 20), bits).values():
            assert round_trip(name, x_NJI, bits, coder(name).qualities[-1])[1].max() < 2**bits


@pytest.mark.parametrize("name", LOSSY)
def test_ladder_runs_from_best_to_worst(name):
    made = coder(name)
    bits = made.lossy_bits
    x_NJI = beating((4, 72, 80), bits)
    sizes, errors = [], []
    for quality in made.qualities[:: max(1, len(made.qualities) // 8)]:
        data, decoded = round_trip(name, x_NJI, bits, quality)
        sizes.append(len(data))
        errors.append(np.mean((decoded.astype(float) - x_NJI) ** 2))
    assert all(after <= 1.05 * before for before, after in pairwise(sizes)), sizes
    assert all(after >= 0.9 * before for before, after in pairwise(errors)), errors
    assert sizes[-1] < sizes[0] / 4


@pytest.mark.parametrize("name", NAMES)
def test_bytes_do_not_depend_on_threads(name):
    made = coder(name)
    quality = made.qualities[len(made.qualities) // 2] if made.lossy_bits else None
    x_NJI = beating((5, 40, 80), made.lossy_bits or made.lossless_bits)
    bits = made.lossy_bits or made.lossless_bits
    one = made.encode(x_NJI, bits, quality, 1)
    assert made.encode(x_NJI, bits, quality, 3) == one
    assert np.array_equal(made.decode(one, x_NJI.shape, bits, 3), made.decode(one, x_NJI.shape, bits, 1))


@pytest.mark.parametrize("name", NAMES)
def test_several_threads_may_code_at_once(name):
    made = coder(name)
    bits = made.lossy_bits or made.lossless_bits
    quality = made.qualities[len(made.qualities) // 2] if made.lossy_bits else None
    chunks = [beating((3, 33, 75), bits, seed=seed) for seed in range(6)]

    def code(x_NJI):
        data = made.encode(x_NJI, bits, quality, 1)
        return data, made.decode(data, x_NJI.shape, bits, 1)

    alone = [code(x_NJI) for x_NJI in chunks]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(code, chunks))
    for (data, decoded), (other_data, other_decoded) in zip(alone, together, strict=True):
        assert data == other_data
        assert np.array_equal(decoded, other_decoded)


@pytest.mark.parametrize("name", NAMES)
def test_a_mistake_of_the_caller_is_told(name):
    made = coder(name)
    bits = made.lossy_bits or made.lossless_bits
    quality = made.qualities[0] if made.lossy_bits else None
    good = np.zeros((1, 4, 4), np.uint16)
    for bad in (good[0], good.astype(np.int32), good[:0]):
        with pytest.raises(ValueError, match="uint8 or uint16"):
            made.encode(bad, bits, quality, 1)
    with pytest.raises(ValueError, match="bits"):
        made.encode(good, 17, quality, 1)
    with pytest.raises(ValueError, match="more than 3 bits"):
        made.encode(good + 8, 3, quality, 1)


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(LOSSY)))
def test_lossless_only(name):
    with pytest.raises(ValueError, match="lossless only"):
        coder(name).encode(np.zeros((1, 4, 4), np.uint16), 8, 1.0, 1)


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(LOSSLESS)))
def test_lossy_only(name):
    with pytest.raises(ValueError, match="lossy only"):
        coder(name).encode(np.zeros((1, 4, 4), np.uint16), 8, None, 1)


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    kind = rng.integers(5)
    place = int(rng.integers(len(data)))
    if kind == 0:
        return data[:place]
    if kind == 1:
        return rng.bytes(int(rng.integers(0, 300)))
    if kind == 2:
        return data[:place] + data[place + int(rng.integers(1, 30)) :]
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        changed[int(rng.integers(len(data) if kind == 3 else min(len(data), 50)))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


@pytest.mark.parametrize("name", NAMES)
def test_damage_gives_an_error_or_an_array(name):
    made = coder(name)
    rng = np.random.default_rng(3)
    streams = []
    for quality, bits in ((None, made.lossless_bits), (made.qualities and made.qualities[-8], made.lossy_bits)):
        if bits:
            x_NJI = beating((3, 20, 24), bits)
            streams.append((bits, x_NJI.shape, made.encode(x_NJI, bits, quality, 1)))
    refused = 0
    for _ in range(300):
        bits, shape_NJI, data = streams[rng.integers(len(streams))]
        try:
            decoded = made.decode(damaged(data, rng), shape_NJI, bits, 1)
            assert decoded.shape == shape_NJI
            assert decoded.dtype == np.uint16
        except CorruptFileError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > 100


@pytest.mark.parametrize("name", NAMES)
def test_another_claim_is_refused_or_kept(name):
    made = coder(name)
    bits = made.lossy_bits or made.lossless_bits
    quality = made.qualities[len(made.qualities) // 2] if made.lossy_bits else None
    data = made.encode(beating((3, 80, 88), bits), bits, quality, 1)
    for shape_NJI in ((2, 80, 88), (4, 80, 88), (0, 80, 88), (3, 80, 0)):
        with pytest.raises(CorruptFileError):
            made.decode(data, shape_NJI, bits, 1)
    for shape_NJI in ((3, 80, 96), (3, 64, 88), (3, 8, 8), (3, 800, 88)):
        with suppress(CorruptFileError):  # JPEG-LS and JPEG 2000 streams lack their sizes: they may give something
            assert made.decode(data, shape_NJI, bits, 1).shape == shape_NJI
    for wrong in (0, 17, 200):
        with pytest.raises(CorruptFileError):
            made.decode(data, (3, 80, 88), wrong, 1)
    for nothing in (b"", b"\0"):
        with pytest.raises(CorruptFileError):
            made.decode(nothing, (3, 80, 88), bits, 1)


def test_unknown_coder():
    with pytest.raises(UsageError, match=r"--coder zip: no such coder; .* Choose one of deflate, .*, auto"):
        coder("zip")
    with pytest.raises(VesaliusError, match="99"):
        coder_by_id(99)


def test_the_table_loads_no_coder():
    code = "import sys, vesalius.codec.coders.table; print({'av', 'imagecodecs', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
