import torch

from vesalius.nets.unet import UNet
from vesalius.weights.keymap import match
from vesalius.weights.layouts.vesalius import PLAIN

NET = UNet(dims=2, inputs=1, outputs=2, channels=(8, 16), units=1)


def test_our_own_names_with_what_processes_and_compilers_put_before_them():
    net, other = NET.make(), NET.make()
    state = {f"module._orig_mod.{name}": tensor for name, tensor in net.state_dict().items()}
    assert match({"model": state, "step": 3}, other, PLAIN.keymap).fits
    for name, tensor in net.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor)
