import pytest

from vesalius.errors import UsageError
from vesalius.tasks.encode.options import EmbedOptions
from vesalius.tasks.encode.slices import SliceConfig


def test_the_choice_of_slices_has_the_digest_of_one_made_alone():
    assert SliceConfig.of(EmbedOptions(stride=2, slice=3, batch=4)).digest() == SliceConfig(stride=2).digest()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"batch": 0}, "--batch: 0 was given; give 1 or more"),
        ({"points": 3}, "--points: 3 was given; give 4 or more"),
        ({"seed": -1}, "--seed: -1 was given; give 0 or more"),
        ({"colour": "view"}, "--colour: colours a drawing, and none is made; pass --project"),
    ],
)
def test_numbers_that_are_too_small_and_a_colour_without_drawing(values, message):
    with pytest.raises(UsageError, match=message):
        EmbedOptions(**values)
