import pytest
import torch

from vesalius.errors import ConfigError
from vesalius.nets.net import Net
from vesalius.nets.table import NETS
from vesalius.nets.unet import UNet
from vesalius.weights.keymap import match
from vesalius.weights.layouts.table import LAYOUTS, PLAIN, Layout

NET = UNet(dims=2, inputs=1, outputs=2, channels=(8, 16), units=1)


@pytest.mark.parametrize("name", LAYOUTS.names())
def test_every_name_is_a_layout_of_a_network_that_exists(name):
    layout = LAYOUTS.get(name)
    assert isinstance(layout, Layout)
    assert layout.about
    if layout.net:
        sizes = {key: value for key, value in layout.net.items() if key != "name"}
        assert isinstance(NETS.get(layout.net["name"]).build(**sizes), Net)
    else:
        assert name == "vesalius"


def test_a_wrong_name_is_told_the_nearest():
    with pytest.raises(ConfigError, match="no such layout; did you mean 'meddinov3'"):
        LAYOUTS.get("medino3")


def test_our_own_names_with_what_processes_and_compilers_put_before_them():
    net, other = NET.make(), NET.make()
    state = {f"module._orig_mod.{name}": tensor for name, tensor in net.state_dict().items()}
    assert match({"model": state, "step": 3}, other, PLAIN.keymap).fits
    for name, tensor in net.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor)
