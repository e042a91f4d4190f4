import pytest

from vesalius.errors import UsageError
from vesalius.tasks.synthesis.options import GenerateOptions


def test_only_what_is_given_wins_over_a_file():
    assert GenerateOptions().given == {}
    assert GenerateOptions(seed=0, size=(64, 96)).given == {"seed": 0, "size": (64, 96)}


def test_a_side_is_that_of_a_square():
    assert GenerateOptions(size=(64,)).given == {"size": (64, 64)}


@pytest.mark.parametrize("name", ["size", "interval", "area"])
def test_three_numbers_are_one_line(name):
    with pytest.raises(UsageError, match=f"--{name}: takes two numbers, 3 were given"):
        _ = GenerateOptions(**{name: (1, 2, 3)}).given
