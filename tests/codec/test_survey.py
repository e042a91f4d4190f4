import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.scans import DTYPES, noise, of_specials, scan_of, seeds, shapes
from vesalius.codec import survey as module
from vesalius.codec.mapping import IntegerKeys
from vesalius.codec.survey import survey
from vesalius.scan.intensity import Intensity


def peak_of(real):
    """The definition, by NumPy: p99.9 minus p0.1 of the finite values."""
    finite = real[np.isfinite(real)]
    low, high = np.percentile(finite, [0.1, 99.9])
    return high - low


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([d for d in DTYPES if d.kind in "iuf" and d.itemsize <= 4]), shapes(5), seeds)
def test_survey_agrees_with_numpy(dtype, shape, seed):
    stored = noise(dtype, shape, seed)
    stored = np.where(np.isfinite(stored), stored, dtype.type(0)).astype(dtype)
    found = survey(scan_of(stored))
    keys = found.keys.to_keys(stored.reshape(1, 1, 1, -1))
    assert (found.low, found.high) == (keys.min(), keys.max())
    assert found.distinct.tolist() == np.unique(keys).tolist()
    assert found.finite
    assert (found.stored_low, found.stored_high) == (stored.min(), stored.max())
    assert found.peak == pytest.approx(peak_of(stored.astype(np.float64)), rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("make", [noise, of_specials])
def test_survey_takes_every_value(dtype, make):
    stored = make(dtype, (2, 2, 3, 4, 2))
    found = survey(scan_of(stored))
    keys = np.concatenate([IntegerKeys(dtype, found.keys.whole).to_keys(stored[..., k]).ravel() for k in range(2)])
    assert (found.low, found.high) == (keys.min(), keys.max())
    assert np.isfinite([found.peak, found.stored_low, found.stored_high]).all() or dtype.itemsize > 8
    assert 0 <= found.peak <= sys.float_info.max


def test_survey_of_nothing_finite():
    found = survey(scan_of(np.full((1, 1, 2, 2, 2), np.nan, dtype=np.float32)))
    assert (found.finite, found.stored_low, found.stored_high, found.peak) == (False, 0.0, 0.0, 0.0)


def test_infinities_and_nan_do_not_count():
    stored = np.array([np.nan, np.inf, -np.inf, 3.0, 5.0, 4.0], dtype=np.float32).reshape(1, 1, 2, 3, 1)
    found = survey(scan_of(stored))
    assert (found.finite, found.stored_low, found.stored_high) == (False, 3.0, 5.0)
    assert found.peak == pytest.approx(peak_of(np.array([3.0, 5.0, 4.0])))


def test_peak_of_a_constant_is_exactly_zero():
    assert survey(scan_of(np.full((1, 2, 5, 7, 3), 0.1))).peak == 0.0


@pytest.mark.parametrize("merge_at", [1 << 24, 50])
def test_peak_is_of_real_values_scaled_slice_by_slice(monkeypatch, merge_at):
    monkeypatch.setattr(module, "_MERGE_AT", merge_at)
    stored = np.random.default_rng(1).integers(0, 500, (2, 3, 9, 11, 4)).astype(np.int16)
    slope, inter = np.random.default_rng(2).uniform(0.5, 4, (2, 3, 4))
    real = stored * slope[None, :, None, None, :] + inter[None, :, None, None, :]
    found = survey(scan_of(stored, intensity=Intensity(slope, inter)))
    assert found.peak == pytest.approx(peak_of(real), rel=1e-12)
    assert (found.stored_low, found.stored_high) == (stored.min(), stored.max())


def test_many_values_are_not_listed(monkeypatch):
    monkeypatch.setattr(module, "MAX_DISTINCT", 10)
    stored = np.arange(2 * 3 * 2, dtype=np.int16).reshape(1, 1, 2, 3, 2)
    assert survey(scan_of(stored)).distinct is None
    assert len(survey(scan_of(stored % 10)).distinct) == 10


def test_whole_floats_are_found():
    stored = np.arange(24, dtype=">f4").reshape(1, 1, 2, 3, 4)
    assert survey(scan_of(stored)).keys.whole
    stored[0, 0, 0, 0, 3] = 0.5
    assert not survey(scan_of(stored)).keys.whole
