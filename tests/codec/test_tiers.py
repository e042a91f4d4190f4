import struct
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from codec.plain_coders import Raw
from codec.scans import DTYPES, REAL, noise, of_specials, same_bits, scan_of, seeds
from vesalius.codec.integer_keys import IntegerKeys
from vesalius.codec.mapping import Offset, exact_map
from vesalius.codec.survey import survey
from vesalius.codec.tiers import BoundedTier, LosslessTier, LossyTier
from vesalius.errors import CorruptFileError

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
