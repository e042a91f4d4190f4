import pytest

from vesalius.wording import some


@pytest.mark.parametrize(
    ("count", "expected"), [(0, ""), (1, "a"), (5, "a, b, c, d, e"), (6, "a, b, c, d, e and 1 more")]
)
def test_five_names_and_the_number_of_the_rest(count, expected):
    assert some("abcdefgh"[:count]) == expected


def test_other_counts_and_separators():
    assert some(["x y", "z", "w", "v"], most=2, between="; ") == "x y; z and 2 more"
