import threading
import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vesalius.cohort.budget import Budget


def array(size):
    return np.zeros(size, np.uint8)


def test_what_is_kept_is_found_under_its_key():
    budget = Budget(100)
    kept = budget.keep(("a",), "1", array(10))
    assert budget.kept(("a",), "1") is kept
    assert not kept.flags.writeable
    assert budget.kept(("b",), "1") is None
    assert budget.kept(("a",), "2") is None  # another key lets the old one go
    assert budget.kept_bytes == 0


def test_what_came_first_stays():
    budget = Budget(100)
    for name in "abc":
        budget.keep((name,), "1", array(40))
    assert [budget.kept((name,), "1") is not None for name in "abc"] == [True, True, False]
    assert not budget.has_room(21)
    assert budget.has_room(20)


def test_work_makes_room_for_itself():
    budget = Budget(100)
    for name in "abcd":
        budget.keep((name,), "1", array(25))
    with budget.making(20):
        assert budget.kept_bytes == 75
    budget.met(20)  # one that waits, and what it is made from
    assert budget.kept_bytes == 25
    assert budget.kept(("a",), "1") is not None


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(1, 64))
def test_samples_ahead_fit_their_share(total, sample, most):
    budget = Budget(total)
    assert budget.window(most) == 1
    budget.met(sample)
    ahead = budget.window(most)
    assert 1 <= ahead <= most
    assert ahead == 1 or 2 * ahead * sample <= total / 4
    assert ahead == most or 2 * (ahead + 1) * sample > total / 4


def test_no_more_is_made_at_a_time_than_fits():
    budget = Budget(400)
    at_work, most = 0, 0
    lock = threading.Lock()

    def work(cost):
        nonlocal at_work, most
        with budget.making(cost):
            with lock:
                at_work += cost
                most = max(most, at_work)
            time.sleep(0.005)
            with lock:
                at_work -= cost

    threads = [threading.Thread(target=work, args=(cost,)) for cost in (30, 60, 90, 20, 50, 70, 10, 40)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert 90 <= most <= 100
    assert budget.notes == []
    with budget.making(500):  # alone, and told
        pass
    assert len(budget.notes) == 1
