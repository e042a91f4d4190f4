import pytest

from vesalius.errors import ConfigError
from vesalius.transforms.table import class_named, name_of, names
from vesalius.transforms.turn import Flip


def test_names_and_classes():
    assert class_named("flip") is Flip
    assert name_of(Flip) == "flip"
    assert list(names()) == sorted(names())
    with pytest.raises(ConfigError, match="flap: no such transform; did you mean 'flip'"):
        class_named("flap")
