import pytest

from vesalius.errors import ConfigError
from vesalius.transforms.table import TRANSFORMS
from vesalius.transforms.turn import Flip


def test_names_and_classes():
    assert TRANSFORMS.get("flip") is Flip
    assert TRANSFORMS.name_of(Flip) == "flip"
    assert list(TRANSFORMS.names()) == sorted(TRANSFORMS.names())
    with pytest.raises(ConfigError, match="flap: no such transform; did you mean 'flip'"):
        TRANSFORMS.get("flap")
