import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vesalius.seeding import digest, generator, shuffled

NAMES = st.lists(st.integers() | st.text(), max_size=4)


@given(NAMES, NAMES)
def test_other_names_another_number(one, other):
    same = [(type(name), name) for name in one] == [(type(name), name) for name in other]
    assert (digest(*one) == digest(*other)) == same


def test_the_number_never_changes():
    # blake2b(i 1 "7", s 2 "p1"), worked out with hashlib alone
    assert digest(7, "p1") == 23385785770212113416521127590745585317


def test_generators_repeat_and_differ():
    first = generator(0, 3, "a").random(1000)
    np.testing.assert_array_equal(first, generator(0, 3, "a").random(1000))
    assert abs(np.corrcoef(first, generator(0, 4, "a").random(1000))[0, 1]) < 0.15


@given(st.lists(st.text(), unique=True), st.randoms())
def test_an_order_does_not_depend_on_the_order_given(ids, random):
    other = list(ids)
    random.shuffle(other)
    assert shuffled(ids, 1) == shuffled(other, 1)
    assert sorted(shuffled(ids, 1)) == sorted(ids)


def test_orders_are_fair():
    firsts = [shuffled(["a", "b", "c", "d"], seed)[0] for seed in range(4000)]
    for one in "abcd":
        assert abs(firsts.count(one) - 1000) < 130  # 4.7 standard deviations
