import pytest

from vesalius.errors import ConfigError
from vesalius.nets.net import Net
from vesalius.nets.table import NETS
from vesalius.weights.saved import ModelConfig


@pytest.mark.parametrize("name", NETS.names())
def test_every_name_is_a_network(name):
    assert issubclass(NETS.class_named(name), Net)
    assert NETS.name_of(NETS.class_named(name)) == name


def test_a_field_holds_any_network():
    read = ModelConfig.parse({"task": "t", "net": {"name": "unet", "dims": 2, "inputs": 1, "outputs": 2}})
    assert read.net == NETS.class_named("unet")(dims=2, inputs=1, outputs=2)
    with pytest.raises(ConfigError, match="no such network; did you mean 'unet'"):
        ModelConfig.parse({"task": "t", "net": {"name": "u-net"}})
