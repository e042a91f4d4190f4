import threading
import time

import numpy as np
import pytest

from codec.plain_coders import Raw
from codec.scans import noise, scan_of, smooth
from vesalius.codec import trials
from vesalius.codec.chunking import Chunking
from vesalius.codec.tiers import LossyTier
from vesalius.codec.trials import Trials, chunk_of, in_order, measure, sample
from vesalius.scan.intensity import Intensity
from vesalius.scan.scan import Scan


def test_results_come_in_order_and_few_items_wait():
    taken = []

    def items():
        for n in range(40):
            taken.append(n)
            yield n

    def work(n):
        time.sleep(0.002 if n % 3 else 0.006)
        return n * n

    results = []
    for result in in_order(work, items(), 3):
        results.append(result)
        assert len(taken) - len(results) <= 2 * 3
    assert results == [n * n for n in range(40)]


def test_an_error_stops_the_rest():
    done = []

    def work(n):
        if n == 2:
            raise ValueError("two")
        done.append(n)
        return n

    with pytest.raises(ValueError, match="two"):
        list(in_order(work, range(1000), 2))
    assert len(done) < 20


def test_an_error_of_the_items_stops_too():
    def items():
        yield 1
        raise KeyError("no more")

    before = threading.active_count()
    with pytest.raises(KeyError):
        list(in_order(lambda n: n, items(), 2))
    assert threading.active_count() == before


def test_chunks_are_cut_from_the_scan():
    stored = noise("<i2", (2, 5, 3, 4, 3))
    scan = scan_of(stored)
    for chunk in Chunking(scan.shape, 2):
        np.testing.assert_array_equal(chunk_of(scan, chunk), stored[:, chunk.t_start : chunk.t_stop, :, :, chunk.k])


def test_a_measure_is_taken_in_real_values_over_the_finite_ones():
    stored = smooth((1, 4, 6, 5, 2), np.float32)
    stored[0, 0, 0, 0, 0], stored[0, 1, 2, 3, 1] = np.nan, np.inf
    slope = np.arange(1.0, 9.0).reshape(4, 2)
    scan = scan_of(stored, intensity=Intensity(slope, -slope))
    tier = LossyTier(Raw(), scan.dtype, float(np.nanmin(stored)), 0.25, masked=True)
    for chunk in Chunking(scan.shape, 3):
        part = chunk_of(scan, chunk)
        payload = tier.encode(part, 4.0)
        trial = measure(scan, chunk, tier, payload)
        scale = np.broadcast_to(slope[chunk.t, chunk.k][None, :, None, None], part.shape)
        inside = np.isfinite(part)
        error = (tier.decode(payload, part.shape)[inside].astype(np.float64) - part[inside]) * scale[inside]
        assert trial.voxels == error.size
        assert trial.squared_error == pytest.approx((error**2).sum())
        assert trial.max_error == pytest.approx(np.abs(error).max())
        assert trial.payload == payload


def test_nothing_finite_has_no_error():
    scan = scan_of(np.full((1, 1, 2, 2, 1), np.nan, dtype=np.float32))
    tier = LossyTier(Raw(), scan.dtype, 0.0, 1.0, masked=True)
    (chunk,) = Chunking(scan.shape, 1)
    trial = measure(scan, chunk, tier, tier.encode(chunk_of(scan, chunk), 1.0))
    assert (trial.voxels, trial.squared_error, trial.max_error) == (0, 0.0, 0.0)


def test_every_trial_is_made_once():
    scan = scan_of(smooth((1, 2, 6, 5, 4)))
    calls = []

    class Counting(Raw):
        def encode(self, x_NJI, bits, quality, threads):
            calls.append(quality)
            return super().encode(x_NJI, bits, quality, threads)

    tier = LossyTier(Counting(), scan.dtype, 0.0, 1.0, masked=False)
    trials, chunking = Trials(scan, tier, 2), Chunking(scan.shape, 2)
    assert trials.rungs == 5
    first = trials.run(chunking, 3)
    again = trials.run(reversed(list(chunking)), 3)
    assert again == first[::-1]
    assert trials.run_one(chunking[1], 3) is first[1]
    assert calls == [4.0] * 4
    trials.run_one(chunking[0], 0)
    assert calls == [4.0] * 4 + [0.0]


def test_a_small_scan_is_its_own_sample():
    scan = Scan.from_array(np.zeros((1, 4, 5, 6, 3), np.int16))
    assert sample(scan) is scan


def test_the_sample_of_a_still_scan_is_its_middle():
    stored = np.arange(2 * 3 * 100, dtype=np.int16).reshape(1, 1, 2, 3, 100)
    assert np.array_equal(sample(Scan.from_array(stored)).stored(), stored[..., 38:62])
    few = Scan.from_array(stored[..., :20])
    assert sample(few) is few


def test_the_sample_is_a_piece_with_its_own_intensities():
    rng = np.random.default_rng(0)
    shape = (2, 30, 8, 428, 9)
    slope = rng.normal(size=(30, 9))
    scan = Scan.from_array(rng.integers(0, 999, shape).astype(np.int16), intensity=Intensity(slope, np.zeros((30, 9))))
    piece = sample(scan)
    assert piece.shape == (1, trials.FRAMES, 8, trials.SIDE, 3)
    places = [1, 4, 7]
    expected = scan.values()[:1, : trials.FRAMES, :, 54 : 54 + trials.SIDE][..., places]
    assert np.array_equal(piece.values(), expected)
    assert piece.geometry is None
    assert piece.native is None
