import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vesalius.tasks.evaluate.codec.ladder import (
    HIGH_DB,
    HIGH_DB_EVERYWHERE,
    HIGH_RATIO,
    LOW_DB,
    USELESS_DB,
    RatePoint,
    walk,
)


def straight(rungs, best_db, per_rung, ratio=5.0, growth=1.15, heart=-3.0):
    """A coder whose PSNR falls evenly along its ladder."""

    def read(rung):
        assert 0 <= rung < rungs
        db = best_db - per_rung * rung
        return RatePoint(ratio * growth**rung, (db, db + heart))

    return read


def test_the_points_reach_both_ends_and_leave_no_wide_gap():
    readings = walk(straight(60, 52, 0.6), 60, 8)
    decibels = [reading.decibels[0] for reading in readings.values()]
    assert list(readings) == sorted(readings)
    assert decibels[0] >= HIGH_DB
    assert decibels[0] - 3 >= HIGH_DB_EVERYWHERE
    last = list(readings.values())[-1]
    assert decibels[-1] <= USELESS_DB or (decibels[-1] <= LOW_DB and last.ratio >= HIGH_RATIO)
    assert 7 <= len(readings) <= 10
    inside = [min(max(db, LOW_DB), HIGH_DB) for db in decibels]
    assert max(one - other for one, other in itertools.pairwise(inside)) < 5


@given(
    st.integers(1, 80), st.floats(20, 70), st.floats(0, 3), st.integers(2, 12), st.floats(1.0, 1.4), st.floats(-8, 2)
)
def test_any_ladder_is_measured_within_the_budget(rungs, best, per_rung, points, growth, heart):
    calls = []
    inner = straight(rungs, best, per_rung, growth=growth, heart=heart)

    def read(rung):
        calls.append(rung)
        return inner(rung)

    readings = walk(read, rungs, points)
    assert len(calls) == len(set(calls)) == len(readings) <= max(points + 2, 7)
    assert rungs // 2 in readings


@given(st.lists(st.floats(0, 80) | st.just(math.inf), min_size=1, max_size=40), st.integers(2, 8))
def test_ladders_that_are_not_monotone_end_too(decibels, points):
    readings = walk(lambda rung: RatePoint(10.0 + rung, (decibels[rung],)), len(decibels), points)
    assert set(readings) <= set(range(len(decibels)))


def test_a_short_ladder_is_measured_whole():
    assert list(walk(straight(3, 50, 10), 3, 8)) == [0, 1, 2]


def test_nothing_is_measured_below_what_can_be_seen():
    readings = walk(straight(60, 60, 1.0, growth=1.01), 60, 8)
    useless = [one for one in readings.values() if one.decibels[0] <= USELESS_DB]
    assert len(useless) == 1


def test_a_small_file_is_looked_for_while_there_is_something_to_see():
    last = list(walk(straight(80, 44, 0.22, ratio=3, growth=1.09), 80, 8).values())[-1]
    assert last.ratio >= HIGH_RATIO
    assert last.decibels[0] <= LOW_DB + 3


@pytest.mark.parametrize(("points", "most"), [(2, 4), (4, 6), (8, 10)])
def test_few_points_where_the_ends_are_near(points, most):
    assert len(walk(straight(20, 50, 1.3, ratio=10, growth=1.4, heart=0), 20, points)) <= most


def test_no_rungs_are_spent_where_nothing_is_gained():
    """A coded mean of a cine reaches 29 dB with any rung of the better half: the points go to the worse half."""

    def read(rung):
        db = min(29.0, 22 + (62 - rung) / 4.5)
        return RatePoint(60 * 1.08**rung, (db, db - 1))

    readings = walk(read, 63, 6)
    assert len([rung for rung in readings if rung < 31]) == 1
    assert len(readings) == 6
    values = [readings[rung].decibels[0] for rung in readings]
    assert max(better - worse for better, worse in itertools.pairwise(values)) < 4
