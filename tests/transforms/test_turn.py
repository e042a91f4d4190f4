import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.every import image
from vesalius.errors import UsageError
from vesalius.seeding import generator
from vesalius.transforms.turn import Flip, QuarterTurn


def test_flips_by_letter():
    x_CJI, x_CIJK = image("CJI"), image("CIJK")
    both = Flip(axes="IJ", p=1.0)
    assert both.draw(generator(0)) == "IJ"
    np.testing.assert_array_equal(Flip(axes="I").apply(x_CJI, "I"), x_CJI[:, :, ::-1])
    np.testing.assert_array_equal(Flip(axes="I").apply(x_CIJK, "I"), x_CIJK[:, ::-1])
    np.testing.assert_array_equal(both.apply(x_CIJK, "IJ"), x_CIJK[:, ::-1, ::-1])
    assert both.apply(x_CJI, "IJ").flags.c_contiguous
    assert Flip(p=0.0).draw(generator(0)) == ""
    with pytest.raises(UsageError, match="CJI has no axis K"):
        Flip(axes="K").apply(x_CJI, "")


def test_each_axis_has_its_own_coin():
    drawn = [Flip(axes="IJK", p=0.25).draw(generator("coin", n)) for n in range(1000)]
    for letter in "IJK":
        assert np.mean([letter in one for one in drawn]) == pytest.approx(0.25, abs=0.05)
    assert np.mean([{"I", "J"} <= set(one) for one in drawn]) == pytest.approx(1 / 16, abs=0.03)


@given(st.integers(0, 3), st.sampled_from(["IJ", "JI", "IK", "KJ"]))
def test_quarter_turns_carry_the_first_axis_to_the_second(quarters, plane):
    x = np.random.default_rng(0).random((2, 5, 5, 5))
    turned = QuarterTurn(plane=plane).apply(x, quarters)
    first, second = (1 + "IJK".index(letter) for letter in plane)
    expected = x
    for _ in range(quarters):
        out = np.empty_like(expected)
        for one in range(5):
            for other in range(5):
                # first -> second, second -> -first
                source, target = [slice(None)] * 4, [slice(None)] * 4
                source[first], source[second] = one, other
                target[first], target[second] = 4 - other, one
                out[tuple(target)] = expected[tuple(source)]
        expected = out
    np.testing.assert_array_equal(turned, expected)


def test_only_squares_are_turned():
    with pytest.raises(UsageError, match="not square in IJ"):
        QuarterTurn().apply(image("CJI"), 1)
    assert {QuarterTurn().draw(generator("turn", n)) for n in range(50)} == {0, 1, 2, 3}
