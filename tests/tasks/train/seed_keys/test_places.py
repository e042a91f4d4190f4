"""What a key of other code does to the keys of a run."""

import pytest

from vesalius.errors import ConfigError
from vesalius.tasks.train.seed_keys.places import all_steps, at, instead, moved, nothing, only, switched, word


def placed(place, value, keys=None):
    held = {} if keys is None else keys
    place(held, "flag", value)
    return held


def test_a_value_goes_to_its_place():
    assert placed(at("net.depth"), 18) == {"net": {"name": "resnet", "depth": 18}}
    assert placed(moved("net.depth"), 18) == {"net": {"depth": 18}}
    assert placed(moved("net.size", lambda side: [side, side]), 3, {"net": {"name": "x"}}) == {
        "net": {"name": "x", "size": [3, 3]}
    }
    assert placed(word("a", {"x": 1}), "x") == {"a": 1}
    assert placed(nothing, 3) == placed(only(3, "why"), 3) == {}
    assert placed(all_steps, 5) == {"train": {"max_steps": 5, "epochs": 5}}
    assert placed(all_steps, 0) == {}
    assert switched(True, "flag") is True


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (word("a", {"x": 1}), "y", "flag: 'y' was given; choose one of x"),
        (only(3, "why"), 4, "flag: 4 was given: why; leave it out"),
        (instead("do that"), 4, "flag: no such key; do that"),
        (lambda keys, flag, value: switched(value, flag), 1, "flag: 1 was given; choose one of true, false"),
    ],
)
def test_a_value_that_does_not_fit_is_one_line(place, value, message):
    with pytest.raises(ConfigError, match=message):
        placed(place, value)


def test_a_place_in_what_is_no_table():
    with pytest.raises(ConfigError, match="net: 5 was given; give a table of keys"):
        placed(moved("net.depth"), 1, {"net": 5})
