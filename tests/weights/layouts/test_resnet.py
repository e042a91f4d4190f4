import re

import pytest
import torch
import torchvision
from torch import nn

from vesalius.nets.table import NETS
from vesalius.weights.keymap import match
from vesalius.weights.layouts.table import LAYOUTS
from weights.layouts.filled import filled, picture

FROZEN = {
    "simclr2": [4.260939121246338, 0.0, 11.042325019836426, 0.0],
    "simclr2-sk": [0.7149280905723572, 0.0, 0.1610639989376068, 0.0],
    "simclr": [0.0, 5.2065911293029785, 6.8242340087890625, 6.112957000732422],
}
"""First numbers of the vectors that the converters' own networks gave by `filled` for `picture`: commit f4c2f41 of
Separius/SimCLRv2-Pytorch and 139d3cb of tonylins/simclr-converter, run by hand."""


def net_of(layout, **sizes):
    table = dict(LAYOUTS.get(layout).net)
    return NETS.get(table.pop("name")).build(**(table | sizes)).make().eval()


def separius_name(name: str, kernels: bool) -> str:
    """A tensor of ours under the name that SimCLRv2-Pytorch gives it."""
    stem = {"conv1": "0", "bn1": "1.0"}
    if kernels:
        stem = {"conv1.0": "0", "conv1.1": "1.0", "conv1.3": "2", "conv1.4": "3.0", "conv1.6": "4", "bn1": "5.0"}
    layer, _, kind = name.rpartition(".")
    if layer in stem:
        return f"net.0.{stem[layer]}.{kind}"
    group, block, place = re.fullmatch(r"layer(\d)\.(\d+)\.(.*)", layer).groups()
    plain = {"conv1": "net.0", "bn1": "net.1.0", "conv2": "net.2", "bn2": "net.3.0", "conv3": "net.4", "bn3": "net.5.0"}
    if kernels:
        plain |= {"conv3": "net.3", "bn3": "net.4.0"}
        plain |= {"conv2.conv": "net.2.main_conv.0", "conv2.bn": "net.2.main_conv.1.0"}
        plain |= {"conv2.squeeze": "net.2.mixing_conv.0", "conv2.squeeze_bn": "net.2.mixing_conv.1.0"}
        plain |= {"conv2.mix": "net.2.mixing_conv.2"}
    conv, norm = ("1", "2") if kernels else ("0", "1")
    plain |= {f"downsample.{conv}": f"projection.shortcut{'.2' * kernels}", f"downsample.{norm}": "projection.bn.0"}
    return f"net.{group}.blocks.{block}.{plain[place]}.{kind}"


def by_name(net: nn.Module, named=str) -> dict[str, torch.Tensor]:
    return {
        named(name): filled(named(name), tuple(value.shape)) if value.is_floating_point() else value
        for name, value in net.state_dict().items()
    }


def converted(layout: str, net: nn.Module) -> dict[str, object]:
    """Tensors for a net of ours, in the form of the converter's file."""
    if layout == "simclr":
        return {"state_dict": by_name(net)}
    state = by_name(net, lambda name: separius_name(name, layout.endswith("sk")))
    classes = {"fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)}
    return {"resnet": state | classes, "head": {"layers.0.weight": torch.zeros(1)}}


@pytest.mark.parametrize("layout", FROZEN)
def test_every_tensor_finds_its_place(layout):
    net = net_of(layout, factor=0.125)
    checkpoint = converted(layout, net)
    report = match(checkpoint, net, LAYOUTS.get(layout).keymap)
    assert report.fits
    assert {name for name, _ in report.dropped} == (set() if layout == "simclr" else {"head", "fc.weight", "fc.bias"})
    state = checkpoint["state_dict" if layout == "simclr" else "resnet"]
    for name, tensor in net.state_dict().items():
        theirs = name if layout == "simclr" else separius_name(name, layout.endswith("sk"))
        assert torch.equal(tensor, state[theirs]), name
    assert LAYOUTS.get(layout).net["pooling"] == "same"  # as Google trained


@pytest.mark.slow
@pytest.mark.parametrize("layout", FROZEN)
def test_the_same_as_the_converters_own_networks(layout):
    """At the border these pad otherwise than Google: their pooling in the stem, and that of a shortcut of stride 1."""
    net = net_of(layout, pooling="centred")
    assert match(converted(layout, net), net, LAYOUTS.get(layout).keymap).fits
    if layout == "simclr2-sk":
        net.layer1[0].downsample[0] = nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.AvgPool2d(2, 1))
    with torch.no_grad():
        torch.testing.assert_close(net(picture())[0][0, :4], torch.tensor(FROZEN[layout]), atol=1e-5, rtol=1e-5)


def test_torchvisions_own_and_a_grey_one():
    theirs = torchvision.models.resnet18(weights=None)
    theirs.load_state_dict(by_name(theirs))
    net = net_of("torchvision-resnet", depth=18)
    assert match(theirs.state_dict(), net, LAYOUTS.get("torchvision-resnet").keymap).fits
    grey = net_of("torchvision-resnet", depth=18, inputs=6)
    report = match(theirs.state_dict(), grey, LAYOUTS.get("torchvision-resnet").keymap)
    assert report.changed == (("conv1.weight", "input channels repeated 2 times, divided by 2"),)
    with torch.no_grad():
        wanted = nn.Sequential(*list(theirs.eval().children())[:-1], nn.Flatten())(picture(32, 32))
        torch.testing.assert_close(net(picture(32, 32))[0], wanted, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(grey(picture(32, 32).repeat(1, 2, 1, 1))[0], wanted, atol=1e-4, rtol=1e-4)
