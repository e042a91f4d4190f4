import math

import pytest

from vesalius.codec.token_plan import _best, _last, _lowest


@pytest.mark.parametrize("count", [1, 2, 5, 10])
def test_the_last_place_that_fits(count):
    for fitting in range(count + 1):
        for near in range(-1, count + 1):
            asked = []

            def fits(n, fitting=fitting, asked=asked):
                asked.append(n)
                return n < fitting

            assert _last(fits, count, near) == fitting - 1
            assert len(set(asked)) == len(asked)
            assert all(0 <= n < count for n in asked)


@pytest.mark.parametrize("budget", [1, 4, 9, 20, 60])
def test_downhill_finds_what_all_pairs_have(budget):
    """Bytes fall along both ladders; distortion rises, and has one valley along the crfs of each budget."""
    qualities, crfs, tried = tuple(range(20, 0, -1)), tuple(range(9, 0, -1)), set()

    def size(pair):
        tried.add(pair)
        return 60 / pair[0] + 12 / pair[1]

    def loss(pair):
        return pair[0] + 1.5 * pair[1]

    worst_first = [(q, crf) for q in qualities for crf in crfs]
    fitting = [pair for pair in worst_first if size(pair) <= budget]
    tried.clear()
    found = _best(qualities, crfs, lambda pair: size(pair) <= budget, loss)
    assert (found is None) == (not fitting)
    if found is not None:
        assert size(found) <= budget
        assert loss(found) == min(map(loss, fitting))
        assert len(tried) < len(worst_first) / 2


@pytest.mark.parametrize("lowest", range(5))
@pytest.mark.parametrize("start", [0, 2, 4])
def test_the_foot_of_a_valley(lowest, start):
    assert _lowest(lambda place: abs(place - lowest), 5, start) == lowest


def test_one_ladder_alone_gives_its_last_pair_that_fits():
    assert _best((7,), (1, 2, 3, 4), lambda pair: pair[1] < 4, lambda _: math.nan) == (7, 3)
    assert _best((1, 2, 3), (9,), lambda pair: pair[0] < 3, lambda _: math.nan) == (2, 9)
    assert _best((1, 2, 3), (9,), lambda _: False, lambda _: math.nan) is None
