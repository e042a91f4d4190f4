import json
import math
import struct
import zlib
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from codec.plain_coders import Raw
from codec.scans import DTYPES, REAL, noise, of_specials, same_bits, scan_of, seeds, smooth
from codec.test_header import PLAIN, TIER
from vesalius.codec.chunking import Chunking
from vesalius.codec.coders.table import coder
from vesalius.codec.header import Header, LosslessRecord
from vesalius.codec.mapping import IntegerKeys, Offset, Rank, exact_map, pack_table
from vesalius.codec.survey import survey
from vesalius.codec.tiers import BoundedTier, LosslessTier, LossyTier, bounded_step, read_tier
from vesalius.errors import CorruptFileError
from vesalius.scan.intensity import Intensity

RAW = Raw()
chunk_shapes = st.tuples(*[st.integers(1, 4)] * 4)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(DTYPES), chunk_shapes, seeds, st.sampled_from([noise, of_specials]))
def test_lossless_gives_back_every_bit(dtype, shape, seed, make):
    stored = make(dtype, shape, seed)
    found = survey(scan_of(stored[..., None]))
    tier = LosslessTier(RAW, found.keys, exact_map(found))
    assert tier.exact
    assert same_bits(tier.decode(tier.encode(stored), shape), stored)


def finite_values(dtype, shape, seed):
    """Values of moderate size with NaN and infinities among those of a float type."""
    draw = np.random.default_rng(seed)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return draw.integers(max(limits.min, -(2**40)), min(limits.max, 2**40), shape, endpoint=True).astype(dtype)
    stored = draw.normal(0, 1000, shape)
    if draw.integers(2):
        stored[draw.random(shape) < 0.3] = draw.choice([np.nan, np.inf, -np.inf])
    return stored.astype(dtype)


def lossy_of(stored, coder):
    inside = stored[np.isfinite(stored)].astype(np.float64)
    low, high = (inside.min(), inside.max()) if inside.size else (0.0, 0.0)
    step = (high - low) / ((1 << coder.lossy_bits) - 1) or 1.0
    return LossyTier(coder, stored.dtype, float(low), float(step), masked=inside.size < stored.size)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(REAL), chunk_shapes, seeds, st.sampled_from(RAW.qualities))
def test_lossy_is_the_formula_of_the_format(dtype, shape, seed, quality):
    stored = finite_values(dtype, shape, seed)
    tier = lossy_of(stored, RAW)
    restored = tier.decode(tier.encode(stored, quality), shape)
    assert restored.dtype == dtype
    drop, middle = int(quality), (1 << int(quality)) >> 1
    inside = np.isfinite(stored)
    limits = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    for channel, back in zip(np.where(inside, stored, tier.low), restored, strict=True):
        pictures = [round((float(v) - tier.low) / tier.step) for v in channel.ravel().tolist()]  # half to even, too
        if len(set(pictures)) > 1:  # a constant is kept as it is
            pictures = [(picture >> drop << drop) + middle for picture in pictures]
        reals = [min(max(tier.low + tier.step * p, float(limits.min)), float(limits.max)) for p in pictures]
        expected = [dtype.type(real) if dtype.kind == "f" else round(real) for real in reals]
        same = (np.array(expected).reshape(back.shape) == back) | ~np.isfinite(stored).all(axis=0)
        assert same.all()
    np.testing.assert_array_equal(restored[~inside], stored[~inside])


def test_non_finite_values_survive_and_finite_ones_stay_finite():
    stored = np.array([np.nan, np.inf, -np.inf, -65504.0, 65504.0, 3.0], dtype="<f2").reshape(1, 1, 2, 3)
    tier = LossyTier(RAW, stored.dtype, -65504.0, 2 * 65504.0 / 4000, masked=True)  # the top lies above the range
    restored = tier.decode(tier.encode(stored, 4.0), stored.shape).ravel()
    assert np.isnan(restored[0])
    assert restored[1:3].tolist() == [np.inf, -np.inf]
    assert np.isfinite(restored[3:]).all()


@pytest.mark.parametrize("dtype", [d for d in REAL if d.kind in "iu"], ids=str)
def test_integers_clip_at_the_ends_of_their_range(dtype):
    limits = np.iinfo(dtype)
    stored = np.array([limits.min, limits.max, limits.max // 2, 0], dtype=dtype).reshape(1, 1, 2, 2)
    tier = lossy_of(stored, RAW)
    restored = tier.decode(tier.encode(stored, 6.0), stored.shape)
    error = np.abs(restored.astype(object) - stored.astype(object)).max()
    assert error <= 80 * tier.step  # no value wraps around
    wide = LossyTier(RAW, dtype, limits.min * 1.5 - 10, float(limits.max) - float(limits.min), masked=False)
    assert wide.decode(b"\0\377\17", stored.shape).tolist() == [[[[limits.max] * 2] * 2]] or dtype.itemsize == 8
    assert int(wide.decode(b"\0\377\17", stored.shape).max()) > limits.max // 2
    assert (wide.decode(b"\0\0\0", stored.shape) == limits.min).all()


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(REAL), chunk_shapes, seeds, st.sampled_from([None, 0.0, 2.0, 6.0]), st.floats(0.6, 1e4))
def test_bounded_keeps_half_a_step(dtype, shape, seed, quality, error):
    stored = finite_values(dtype, shape, seed)
    assume(dtype.itemsize > 2 or error < 3e3)
    base = None if quality is None else lossy_of(stored, RAW)
    if base is not None:
        base = LossyTier(RAW, dtype, base.low, base.step, masked=False)
    masked = not np.isfinite(stored).all()
    step = 2.0 * int(error) + 1 if dtype.kind in "iu" else 2 * error
    tier = BoundedTier(RAW, dtype, lossy_of(stored, RAW).low, step, masked, base, quality)
    assert tier.exact
    restored = tier.decode(tier.encode(stored), shape)
    inside = np.isfinite(stored)
    rounding = float(np.spacing(np.abs(stored[inside]).max(initial=dtype.type(0)))) if dtype.kind == "f" else 0
    pairs = zip(restored[inside].tolist(), stored[inside].tolist(), strict=True)
    worst = max((abs(Fraction(a) - Fraction(b)) for a, b in pairs), default=0)
    assert worst <= int(error) if dtype.kind in "iu" else worst <= error * (1 + 1e-12) + rounding
    np.testing.assert_array_equal(restored[~inside], stored[~inside])


def test_a_bounded_value_does_not_overflow():
    stored = np.array([65504.0, -65504.0], dtype="<f2").reshape(1, 1, 1, 2)
    tier = BoundedTier(RAW, stored.dtype, -65504.0, 131_100.0, masked=False)
    restored = tier.decode(tier.encode(stored), stored.shape)
    assert np.isfinite(restored).all()


def test_residuals_of_every_depth():
    for depth in (1, 15, 16, 17, 31, 32, 33, 48, 52):
        stored = np.array([0.0, 2.0**depth - 1, 1.0]).reshape(1, 1, 1, 3)
        tier = BoundedTier(RAW, stored.dtype, 0.0, 1.0, masked=False)
        payload = tier.encode(stored)
        assert struct.unpack_from("<qB", payload) == (0, depth)
        assert tier.decode(payload, stored.shape).tolist() == stored.tolist()


@pytest.mark.parametrize("depth", [0, 65, 255])
def test_impossible_residuals_are_refused(depth):
    tier = BoundedTier(RAW, np.dtype("<i2"), 0.0, 3.0, masked=False)
    with pytest.raises(CorruptFileError, match="depth"):
        tier.decode(struct.pack("<qB", 0, depth) + b"\0\0\0" * 4, (1, 1, 1, 1))


def test_hostile_numbers_give_values_in_range():
    constant = b"\0\377\377"
    payload = struct.pack("<qB", -(2**63), 64) + constant * 4
    base = LossyTier(RAW, np.dtype("<i2"), 1e308, 1e308, masked=False)
    tier = BoundedTier(RAW, np.dtype("<i2"), 0.0, 1e308, masked=False, base=base)
    assert tier.decode(b"\0\377\17" + payload, (1, 1, 1, 2)).dtype == np.dtype("<i2")
    floats = BoundedTier(RAW, np.dtype("<f4"), -1e308, 1e308, masked=False)
    assert np.isfinite(floats.decode(payload, (1, 1, 1, 2))).all()


@pytest.mark.parametrize("kind", ["lossless", "lossy", "bounded"])
def test_every_shorter_or_longer_payload_is_refused(kind):
    stored = np.array([1.5, np.nan, 3.25, 2.0], dtype="<f4").reshape(1, 1, 2, 2)
    base = LossyTier(RAW, stored.dtype, 1.5, 0.01, masked=False)
    tier = {
        "lossless": LosslessTier(RAW, IntegerKeys(stored.dtype), Offset(0, (16, 16))),
        "lossy": LossyTier(RAW, stored.dtype, 1.5, 0.01, masked=True),
        "bounded": BoundedTier(RAW, stored.dtype, 1.5, 0.01, True, base, 4.0),
    }[kind]
    payload = tier.encode(stored, 2.0)
    tier.decode(payload, stored.shape)
    for damaged in [payload[:n] for n in range(len(payload))] + [payload + b"\0"]:
        with pytest.raises(CorruptFileError):
            tier.decode(damaged, stored.shape)


def test_lossy_tiers_are_as_exact_as_their_coder():
    assert LossyTier(Raw(exact_lossy=True), np.dtype("<i2"), 0.0, 1.0, masked=False).exact
    assert not LossyTier(Raw(exact_lossy=False), np.dtype("<i2"), 0.0, 1.0, masked=False).exact


STORED = smooth((1, 2, 12, 10, 1), np.float32)[..., 0] / np.float32(3)
DTYPE = np.dtype("<f4")


def tiers():
    found = survey(scan_of(STORED[..., None]))
    xl, base = coder("jpegxl"), LossyTier(coder("jpegxl"), DTYPE, -1.5, 0.125, masked=False)
    return {
        "table": LosslessTier(xl, found.keys, exact_map(found)),
        "planes": LosslessTier(coder("deflate"), IntegerKeys(DTYPE), Offset(0, (16, 16))),
        "lossy": LossyTier(xl, DTYPE, -0.1, 0.01, masked=True),
        "bounded": BoundedTier(xl, DTYPE, 1 / 3, 0.7, masked=True),
        "base": BoundedTier(xl, DTYPE, 1 / 3, 0.7, True, base, xl.qualities[9]),
    }


def read_back(tier, blobs):
    """Describe, write as JSON, read, build."""
    table = None
    if isinstance(tier, LosslessTier) and isinstance(tier.map, Rank):
        table = len(blobs)
        assert tier.table == pack_table(tier.map.table)
        blobs.append(tier.table)
    model = tier.record(Chunking((1, 2, 12, 10, 1), 2), "in words", table)
    raw = json.loads(json.dumps(model.model_dump(mode="json", exclude_defaults=True)))
    header = Header.parse({**PLAIN, "dtype": "<f4", "tiers": [raw]})
    assert header.tiers[0] == model
    return read_tier(header.tiers[0], np.dtype(header.dtype), lambda n: blobs[n])


@pytest.mark.parametrize("name", tiers())
def test_a_tier_comes_back_from_its_description(name):
    tier = tiers()[name]
    back = read_back(tier, [b"another"])
    payload = tier.encode(STORED, coder("jpegxl").qualities[3])
    assert same_bits(back.decode(payload, STORED.shape), tier.decode(payload, STORED.shape))
    assert back.coder is tier.coder
    assert back.exact == tier.exact


def test_a_description_says_what_the_tier_is():
    models = {name: tier.record(Chunking((1, 1, 12, 10, 9), 1, 3), "words", 5) for name, tier in tiers().items()}
    assert [model.kind for model in models.values()] == ["lossless", "lossless", "lossy", "bounded", "bounded"]
    assert [model.name for model in models.values()] == ["lossless"] * 2 + ["lossy"] * 3
    assert models["table"].table_blob == 5
    assert models["planes"].table_blob is None
    assert models["base"].base_coder_id == coder("jpegxl").id
    assert models["bounded"].base_coder_id is None


def built(dtype="<i2", blob=b"", **facts):
    header = Header.parse({**PLAIN, "dtype": dtype, "tiers": [{**TIER, **facts}]})
    return read_tier(header.tiers[0], np.dtype(header.dtype), lambda n: blob)


LOSSY = {"name": "lossy", "kind": "lossy", "coder_id": 4}
BOUNDED = {"name": "lossy", "kind": "bounded", "coder_id": 4}
TABLE = {"plane_bits": [2], "table_blob": 0}
IMPOSSIBLE = {
    "unknown coder": {"coder_id": 99, "plane_bits": [8]},
    "reserved coder": {"coder_id": 17, "plane_bits": [8]},
    "coder of later": {"coder_version": 200, "plane_bits": [8]},
    "no planes": {"plane_bits": []},
    "plane of no depth": {"plane_bits": [0]},
    "plane too deep": {"plane_bits": [17]},
    "more planes than the key has": {"plane_bits": [1, 16]},
    "planes of a byte": {"dtype": "|u1", "plane_bits": [9]},
    "offset below zero": {"plane_bits": [8], "low": -1},
    "offset beyond the key": {"plane_bits": [8], "low": 65536},
    "offset no integer": {"plane_bits": [8], "low": 0.5},
    "whole integers": {"plane_bits": [8], "whole": True},
    "whole complex": {"dtype": "<c8", "plane_bits": [8], "whole": True},
    "table of no keys": TABLE,
    "table in two planes": {**TABLE, "plane_bits": [2, 2], "table_length": 3},
    "table no zlib": {**TABLE, "table_length": 3, "blob": b"abc"},
    "table bomb": {**TABLE, "table_length": 3, "blob": zlib.compress(bytes(1 << 22))},
    "lossy booleans": {**LOSSY, "dtype": "|b1"},
    "lossy complex": {**LOSSY, "dtype": "<c8"},
    "lossy in a lossless coder": {**LOSSY, "coder_id": 1},
    "mask of integers": {**LOSSY, "masked": True},
    "lossy offset": {**LOSSY, "low": 10**400},
    "bounded complex": {**BOUNDED, "dtype": "<c16"},
    "bounded in a coder of few bits": {**BOUNDED, "coder_id": 6},
    "base in a lossless coder": {**BOUNDED, "base_coder_id": 1},
    "base unknown": {**BOUNDED, "base_coder_id": 77},
    "bounded offset": {**BOUNDED, "low": -(10**400)},
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_impossible_descriptions_are_refused(name):
    with pytest.raises(CorruptFileError) as caught:
        built(**IMPOSSIBLE[name])
    assert len(str(caught.value).splitlines()) == 1


def test_possible_descriptions_are_built():
    assert isinstance(built(plane_bits=[16], low=65535), LosslessTier)
    assert isinstance(built("<c8", plane_bits=[16, 16]), LosslessTier)
    assert isinstance(built(**LOSSY), LossyTier)
    assert isinstance(built(**BOUNDED, base_coder_id=6), BoundedTier)
    assert isinstance(LosslessRecord(**TIER), LosslessRecord)


def test_long_floats_are_lossless_only():
    long = np.dtype("g")
    if long.itemsize > 8:
        assert isinstance(built(long.str, plane_bits=[16]), LosslessTier)
        with pytest.raises(CorruptFileError, match="not real"):
            built(long.str, **LOSSY)


def test_the_keys_of_noise_come_back():
    stored = noise(">c16", (1, 2, 3, 4))
    tier = LosslessTier(coder("deflate"), IntegerKeys(stored.dtype), Offset(0, (16,) * 4))
    model = tier.record(Chunking((1, 2, 3, 4, 1), 2), "", None)
    header = Header.parse({**PLAIN, "dtype": ">c16", "tiers": [json.loads(model.model_dump_json())]})
    back = read_tier(header.tiers[0], np.dtype(header.dtype), lambda n: b"")
    assert same_bits(back.decode(tier.encode(stored), stored.shape), stored)


def step_for(stored, error, slope=1.0, inter=0.0):
    scan = scan_of(np.asarray(stored).reshape(1, 1, 1, 1, -1), intensity=Intensity.linear(slope, inter))
    return bounded_step(scan, survey(scan), error)


def test_integers_without_scaling():
    values = np.arange(-100, 100, dtype=np.int16)
    assert [step_for(values, error) for error in (0.5, 1, 1.9, 5, 7.99)] == [None, 3.0, 3.0, 11.0, 15.0]


def test_a_bound_beyond_the_range_asks_for_no_more_than_the_range():
    assert step_for(np.array([3, 10], dtype=np.uint8), 1e308) == 15.0
    assert step_for(np.array([0.0, 10.0]), 1e308) == pytest.approx(20.0, rel=1e-5)


@pytest.mark.parametrize("slope", [0.5, -0.25, float(np.float32(0.1)), 3.0])
def test_exact_scalings_lose_nothing(slope):
    values = np.arange(1000, dtype=np.int16)
    assert step_for(values, 7 * abs(slope), slope, -1024.0) == 15.0


def test_rounding_of_real_values_takes_a_step_away():
    assert 0.1 * 12 - 0.1 * 7 > 0.5  # five steps of 0.1 are more than 0.5
    assert step_for(np.arange(100, dtype=np.int16), 0.5, 0.1) == 9.0
    assert step_for(np.arange(100, dtype=np.int16), 0.51, 0.1) == 11.0


def test_only_lossless_keeps_some_bounds():
    assert step_for(np.array([1e5, 2e5], dtype=np.float32), 0.01) is None
    assert step_for(np.array([1.0, 2.0]), 1e-16) is None
    assert step_for(np.array([0, 2**62], dtype=np.int64), 100) is None
    assert step_for(np.array([-1.7e308, 1.7e308]), 1e300) is None
    assert step_for(np.array([1, 2], dtype=np.int16), 5, slope=0.0) is None
    assert step_for(np.array([4, 4], dtype=np.int16), 5) is None


def test_the_largest_slope_counts():
    scan = scan_of(
        np.arange(12, dtype=np.int16).reshape(1, 2, 1, 3, 2),
        intensity=Intensity(np.array([[1.0, 2.0], [4.0, 1.0]]), np.zeros((2, 2))),
    )
    assert bounded_step(scan, survey(scan), 9.0) == 5.0


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["i2", "u2", "i4"]),
    st.integers(0, 2**32 - 1),
    st.floats(1e-3, 1e3),
    st.floats(-1e4, 1e4),
    st.floats(1e-3, 1e5),
)
def test_no_pair_within_half_a_step_differs_by_more_in_real_values(code, seed, slope, inter, error):
    rng = np.random.default_rng(seed)
    stored = rng.integers(-30000 if code != "u2" else 0, 30000, 50).astype(code)
    step = step_for(stored, error, slope, inter)
    if step is None:
        assert error < slope * 1.01
        return
    assert step % 2 == 1
    most = int(step - 1) // 2
    moved = stored + rng.choice([-most, most], 50)
    real, moved = stored * slope + inter, moved * slope + inter
    assert np.abs(real - moved).max() <= error
    used = (most + 1.01) * Fraction(slope)
    assert used >= Fraction(error) or most >= math.ceil(float(stored.max()) - float(stored.min()))


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(["f2", "f4", "f8"]), st.integers(0, 2**32 - 1), st.floats(1e-6, 1e3))
def test_floats_keep_the_bound_after_rounding_to_their_type(code, seed, error):
    stored = np.random.default_rng(seed).normal(0, 300, 50).astype(code)
    step = step_for(stored, error)
    if step is None:
        assert error <= 12 * np.spacing(np.abs(stored).max())
        return
    low = float(stored.min())
    restored = (low + step * np.rint((stored.astype(np.float64) - low) / step)).astype(code)
    assert np.abs(restored.astype(np.float64) - stored.astype(np.float64)).max() <= error
