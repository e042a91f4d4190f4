import pytest

from vesalius.cohort.json_line import json_object
from vesalius.errors import ConfigError


def test_an_object_in_a_line():
    assert json_object('{"a": 1, "b": {"c": null}}') == {"a": 1, "b": {"c": None}}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
        ("[1]", "is not a JSON object"),
        ('{"a": 1, "a": 2}', "a: is given twice"),
        ('{"b": {"a": 1, "a": 2}}', "a: is given twice"),
    ],
)
def test_anything_else_is_one_line(line, message):
    with pytest.raises(ConfigError, match=message):
        json_object(line)
