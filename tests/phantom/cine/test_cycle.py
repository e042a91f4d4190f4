import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vesalius.phantom.cine.cycle import emptying, end_systole


@given(st.integers(8, 64), st.floats(0.3, 0.42))
def test_the_ventricle_empties_once_and_fills_once(frames, share):
    es = end_systole(frames, share)
    c = emptying(frames, es)
    assert abs(es / frames - share) <= 0.5 / frames + 1e-9 or es == 2
    assert c[0] == 0
    assert c[es] == 1
    assert np.argmax(c) == es
    assert (np.diff(c[: es + 1]) > 0).all()
    assert (np.diff(c[es:]) < 0).all()
    assert (c[1:] > 0).all()


def test_most_filling_is_early_and_the_atria_add_a_kick():
    c = emptying(100, 35)
    assert c[35 + 65 // 3] < 0.4
    slope = -np.diff(c[35:])
    assert slope[:20].max() > slope[30:45].max() < slope[48:62].max()
