import pytest
import torch

from nets.battery import make
from vesalius.errors import ConfigError, UsageError
from vesalius.nets.bit import BiT
from vesalius.nets.classifier import Classifier
from vesalius.nets.encoder import EncoderNet, Pyramid, PyramidNet, check_pictures
from vesalius.nets.resnet import ResNet
from vesalius.nets.table import NETS
from vesalius.nets.ume import UME
from vesalius.nets.unet import UNet
from vesalius.nets.unet_encoder import UNetEncoder
from vesalius.nets.vit import DinoV2, ViT
from vesalius.nets.voco import VocoEncoder

SMALL = (
    ViT(size="micro", depth=1, inputs=1),
    DinoV2(size="micro", depth=1, inputs=1, side=28),
    BiT(inputs=1, depths=(1, 1, 1, 1), factor=0.125, norm_groups=8),
    ResNet(depth=50, factor=0.25, inputs=1, stem="deep"),
)
PYRAMIDS = (
    *(config for config in SMALL if isinstance(config, PyramidNet)),
    ResNet(depth=18, factor=0.5, stem="cifar"),
    BiT(factor=0.25, norm_groups=16),
)


@pytest.mark.parametrize("config", SMALL, ids=lambda config: type(config).__name__)
def test_every_encoder_gives_the_whole_and_its_places(config):
    rows, columns = 2 * config.divisor, 3 * config.divisor
    with torch.no_grad():
        whole_BD, places_BLD = make(config).eval()(torch.randn(2, config.inputs, rows, columns))
    assert whole_BD.shape == (2, config.width)
    assert places_BLD.shape == (2, 6, config.width)
    assert (config.dims, config.outputs) == (2, None)


def test_the_encoders_of_the_table_are_tested_here():
    named = {NETS.get(name) for name in NETS.names()}
    encoders = {cls for cls in named if issubclass(cls, EncoderNet)}
    assert encoders == {type(config) for config in SMALL} | {UME, UNetEncoder, VocoEncoder}  # of volumes: own files


@pytest.mark.parametrize("config", PYRAMIDS, ids=lambda config: type(config).__name__)
def test_a_pyramid_has_four_maps_that_grow_coarser(config):
    net = make(config).eval()
    assert isinstance(net, Pyramid)
    side = 2 * config.divisor
    x = torch.randn(2, config.inputs, side, 2 * side)
    with torch.no_grad():
        maps, (whole_BD, places_BLD) = net.maps(x), net(x)
    assert tuple(map_BCJI.shape[1] for map_BCJI in maps) == config.channels
    assert [map_BCJI.shape[2:] for map_BCJI in maps] == [(rows, 2 * rows) for rows in (16, 8, 4, 2)]
    torch.testing.assert_close(whole_BD, maps[3].mean((2, 3)))
    assert torch.equal(places_BLD[:, 5], maps[3][:, :, 1, 1])


@pytest.mark.parametrize("config", PYRAMIDS, ids=lambda config: type(config).__name__)
def test_the_groups_of_a_pyramid_hold_every_tensor_once_and_in_order(config):
    net = make(config).eval()
    groups = [[parameter for module in group for parameter in module.parameters()] for group in net.groups()]
    everything = [id(parameter) for group in groups for parameter in group]
    assert len(groups) == 5
    assert len(everything) == len(set(everything))
    assert set(everything) == {id(parameter) for parameter in net.parameters()}
    buffers = {id(buffer) for group in net.groups() for module in group for buffer in module.buffers()}
    assert buffers == {id(buffer) for buffer in net.buffers()}
    maps = net.maps(torch.randn(1, config.inputs, config.divisor * 2, config.divisor * 2))
    for number, map_BCJI in enumerate(maps, 1):  # the map of a group depends on its groups and no later one
        for group in groups[number + 1 :]:
            gradients = torch.autograd.grad(map_BCJI.sum(), group, allow_unused=True, retain_graph=True)
            assert all(gradient is None for gradient in gradients)
        gradients = torch.autograd.grad(map_BCJI.square().sum(), groups[number], retain_graph=True)
        assert any(gradient.any() for gradient in gradients)


def test_a_field_for_an_encoder_takes_no_other_network():
    sizes = {"name": "vit", "size": "micro", "depth": 1}
    assert Classifier.parse({"encoder": sizes, "outputs": 2}).encoder == ViT(size="micro", depth=1)
    with pytest.raises(ConfigError, match="encoder: is not an encoder"):
        Classifier.parse({"encoder": {"name": "unet", "dims": 2, "inputs": 1, "outputs": 2}, "outputs": 2})
    with pytest.raises(ConfigError):
        Classifier(encoder=UNet(dims=2, inputs=1, outputs=2), outputs=2)


def test_pictures_of_other_channels_or_sizes_are_refused():
    net = ViT(size="micro", depth=1, inputs=1)
    check_pictures(net, (8, 1, 32, 48))
    with pytest.raises(UsageError, match=r"^the encoder does not take 3 channels of 32 x 48 pixels; give it 1 channel"):
        check_pictures(net, (3, 32, 48))
    with pytest.raises(UsageError, match=r"^prepare: the encoder does not take 1 channel of 40 x 32 .* of 16 pixels$"):
        check_pictures(net, (1, 40, 32), where="prepare")
