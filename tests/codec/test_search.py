import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vesalius.codec.chunking import Chunking
from vesalius.codec.search import balance, last_meeting, psnr, spread_for_bytes, spread_for_psnr, total
from vesalius.codec.trials import Trial


class Table:
    """Trials read from a table [rung][chunk] of (bytes, squared error)."""

    def __init__(self, rows):
        self.rows, self.asked = rows, []
        self.rungs = len(rows)

    def run_one(self, chunk, rung):
        return self.run([chunk], rung)[0]

    def run(self, chunks, rung):
        assert 0 <= rung < self.rungs
        self.asked.append(rung)
        return [Trial(bytes(self.rows[rung][c.number][0]), self.rows[rung][c.number][1], 0.0, 100) for c in chunks]


def chunks_of(count):
    return list(Chunking((1, 1, 1, 1, count), 1))


@st.composite
def tables(draw):
    """Rows whose bytes fall and whose errors rise along the ladder."""
    rungs, count = draw(st.integers(1, 9)), draw(st.integers(1, 5))
    sizes = np.cumsum(draw(st.lists(st.lists(st.integers(0, 40), min_size=count, max_size=count), min_size=rungs)), 0)
    errors = np.cumsum(draw(st.lists(st.lists(st.integers(0, 99), min_size=count, max_size=count), min_size=rungs)), 0)
    rungs = min(len(sizes), len(errors))
    return [
        [(int(s), float(e)) for s, e in zip(*row, strict=True)]
        for row in zip(sizes[:rungs][::-1], errors, strict=False)
    ]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(-1, 40), st.integers(-5, 50))
def test_last_meeting_is_found_from_any_guess(rungs, last, guess):
    last = min(last, rungs - 1)
    table = Table([[(1, 0.0)]] * rungs)
    found = last_meeting(table, chunks_of(1), lambda _: float(table.asked[-1] <= last), 0.5, guess)
    assert found == last
    assert len(table.asked) == len(set(table.asked))
    assert len(table.asked) <= math.ceil(math.log2(rungs + 1)) + 5


@settings(max_examples=60, deadline=None)
@given(st.floats(0.1, 2), st.floats(20, 90), st.floats(15, 95), st.integers(0, 62))
def test_a_straight_ladder_takes_few_looks(slope, top, least, guess):
    table = Table([[(1, 0.0)]] * 63)
    found = last_meeting(table, chunks_of(1), lambda _: top - slope * table.asked[-1], least, guess)
    assert found == max((rung for rung in range(63) if top - slope * rung >= least), default=-1)
    assert len(table.asked) <= 5


def test_psnr_is_its_definition():
    rng = np.random.default_rng(0)
    reference, error = rng.normal(0, 50, 1000), rng.normal(0, 2, 1000)
    peak = np.percentile(reference, 99.9) - np.percentile(reference, 0.1)
    expected = 20 * np.log10(peak / np.sqrt(np.mean(error**2)))
    assert psnr(float(np.sum(error**2)), 1000, peak) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("squared", "peak", "expected"),
    [(0.0, 5.0, math.inf), (0.0, 0.0, math.inf), (1.0, 0.0, -math.inf), (math.inf, 1.0, -math.inf)],
)
def test_psnr_at_its_ends(squared, peak, expected):
    assert psnr(squared, 10, peak) == expected


def test_psnr_of_huge_values_does_not_overflow():
    assert psnr(1e300, 1, 1e200) == pytest.approx(1000.0)
    assert psnr(1e-300, 1, 1e-200) == pytest.approx(-1000.0)


def test_total_sums_chunks():
    trials = [Trial(b"abc", 2.0, 1.0, 10), Trial(b"de", 6.0, 2.0, 30)]
    assert total(trials, 10.0).payload_bytes == 5
    assert total(trials, 10.0).psnr_db == pytest.approx(10 * math.log10(100 / (8 / 40)))


@settings(max_examples=60, deadline=None)
@given(tables(), st.floats(5, 60))
def test_spreading_for_psnr_keeps_the_target_and_saves_bytes(rows, target):
    table, chunks = Table(rows), chunks_of(len(rows[0]))
    rung = last_meeting(table, chunks, lambda done: total(done, 100.0).psnr_db, target, 0)
    if rung < 0:
        return
    chosen = spread_for_psnr(table, chunks, rung, 100.0, target)
    assert set(chosen) == {chunk.number for chunk in chunks}
    assert set(chosen.values()) <= {rung, rung + 1}
    squared = sum(rows[chosen[n]][n][1] for n in chosen)
    assert psnr(squared, 100 * len(chunks), 100.0) >= target - 1e-9
    assert sum(rows[chosen[n]][n][0] for n in chosen) <= sum(size for size, _ in rows[rung])


@settings(max_examples=60, deadline=None)
@given(tables(), st.integers(0, 400))
def test_spreading_for_bytes_fills_the_budget_and_keeps_it(rows, budget):
    table, chunks = Table(rows), chunks_of(len(rows[0]))
    fits = [sum(size for size, _ in row) <= budget for row in rows]
    if True not in fits:
        return
    rung = fits.index(True)
    chosen = spread_for_bytes(table, chunks, rung, budget)
    assert set(chosen.values()) <= {rung, rung - 1}
    size = sum(rows[chosen[n]][n][0] for n in chosen)
    assert sum(size for size, _ in rows[rung]) <= size <= budget
    finer = [rows[rung - 1][n][0] - rows[rung][n][0] for n in chosen if rung and chosen[n] == rung]
    assert all(more > budget - size for more in finer)


@settings(max_examples=60, deadline=None)
@given(tables(), st.integers(0, 400), st.data())
def test_balancing_comes_nearer_to_the_budget_and_keeps_it(rows, budget, data):
    table, chunks = Table(rows), chunks_of(len(rows[0]))
    rung = data.draw(st.integers(0, len(rows) - 1))
    before = {chunk.number: rung for chunk in chunks}
    after = balance(table, chunks, before, budget, 0.02)

    def size(chosen):
        return sum(rows[rung][n][0] for n, rung in chosen.items())

    if size(before) <= budget:
        assert size(before) <= size(after) <= budget
    assert before == {chunk.number: rung for chunk in chunks}


def test_balancing_moves_one_chunk_finer_and_another_coarser():
    rows = [[(150, 0.0)] * 3, [(100, 1.0)] * 3, [(70, 2.0)] * 3]
    after = balance(Table(rows), chunks_of(3), {0: 1, 1: 1, 2: 1}, 320, 0.01)
    assert sorted(after.values()) == [0, 1, 2]
    assert balance(Table(rows), chunks_of(3), {0: 1, 1: 1, 2: 1}, 302, 0.01) == {0: 1, 1: 1, 2: 1}


def test_the_most_profitable_chunk_moves_first():
    rows = [[(100, 1.0), (100, 1.0)], [(90, 3.0), (20, 3.0)]]
    room = psnr(4.5, 200, 10.0)  # enough for one chunk to become coarser, not for both
    assert spread_for_psnr(Table(rows), chunks_of(2), 0, 10.0, room) == {0: 0, 1: 1}
    assert spread_for_bytes(Table(rows), chunks_of(2), 1, 121) == {0: 0, 1: 1}


def test_spreading_at_the_ends_of_the_ladder():
    table, chunks = Table([[(9, 1.0)]]), chunks_of(1)
    assert spread_for_psnr(table, chunks, 0, 10.0, 1.0) == {0: 0}
    assert spread_for_bytes(table, chunks, 0, 100) == {0: 0}
    assert table.asked == []
