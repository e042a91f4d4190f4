from typing import ClassVar

import pytest

from vesalius.errors import ConfigError, CorruptFileError, InputError
from vesalius.nets.net import Net, build
from vesalius.nets.table import NETS
from vesalius.nets.unet import UNet
from vesalius.nets.vit import ViT
from vesalius.weights.saved import ModelConfig


@pytest.mark.parametrize("name", NETS.names())
def test_every_name_is_a_network(name):
    assert issubclass(NETS.get(name), Net)
    assert NETS.name_of(NETS.get(name)) == name


def test_a_network_that_declares_no_size_is_refused_where_it_is_defined():
    with pytest.raises(TypeError, match="Forgetful declares no inputs, divisor"):

        class Forgetful(Net):
            dims: ClassVar[None] = None
            outputs: ClassVar[int] = 2

            def make(self):
                raise NotImplementedError


def test_a_field_holds_any_network():
    read = ModelConfig.parse(
        {"task": "t", "parts": {"net": {"net": {"name": "unet", "dims": 2, "inputs": 1, "outputs": 2}}}}
    )
    assert read.parts["net"].net == NETS.get("unet")(dims=2, inputs=1, outputs=2)
    with pytest.raises(ConfigError, match="no such network; did you mean 'unet'"):
        ModelConfig.parse({"task": "t", "parts": {"net": {"net": {"name": "u-net"}}}})


def test_a_net_is_no_larger_than_memory_allows(memory_limit):
    memory_limit(32 << 20)
    with pytest.raises(InputError, match=r"needs \d+ (MiB|GiB) of memory, 32 MiB are allowed"):
        build(UNet(dims=3, inputs=1, outputs=2, channels=(64, 128, 4096), units=1))
    assert sum(one.numel() for one in build(UNet(dims=2, inputs=1, outputs=2, channels=(8, 16), units=1)).parameters())


def test_a_net_is_no_larger_than_its_weights():
    wide = ViT(size="base", depth=2000)
    with pytest.raises(CorruptFileError, match="larger than its weights, which are 1000 numbers"):
        build(wide, "config.json", numbers=1000)


def test_sizes_that_make_no_network():
    with pytest.raises(InputError, match=r"^config.json: (makes no network|needs .* of memory)"):
        build(UNet(dims=3, inputs=1, outputs=2, channels=(1 << 40, 1 << 40), units=1), "config.json")
