import pytest
import torch

from nets.battery import check_bf16, check_overfits, check_saved_equals_loaded, make
from vesalius.config import ConfigError
from vesalius.nets.bit import BiT
from vesalius.nets.pyramid_unet import MapDecoder, PyramidUNet
from vesalius.nets.resnet import ResNet

SMALL = PyramidUNet(encoder=ResNet(depth=18, factor=0.125), outputs=3, widths=(16, 16, 8, 8, 8))
CIFAR = PyramidUNet(encoder=ResNet(depth=18, factor=0.125, stem="cifar"), outputs=2, widths=(16, 8, 8))


@pytest.mark.parametrize(("config", "size"), [(SMALL, (64, 32)), (CIFAR, (16, 8))])
def test_logits_have_the_size_of_the_picture(config, size):
    net = make(config).eval()
    assert (config.dims, config.inputs, config.outputs) == (2, 3, len(net(torch.zeros(1, 3, *size))[0]))
    assert net(torch.zeros(2, 3, *size)).shape == (2, config.outputs, *size)


def test_bit_takes_the_decoder_too():
    config = PyramidUNet(encoder=BiT(inputs=1, depths=(1, 1, 1, 1)), outputs=2, widths=(16, 16, 8, 8, 8))
    assert make(config).eval()(torch.randn(1, 1, 32, 32)).shape == (1, 2, 32, 32)


def test_the_encoder_sees_rows_first():
    """Columns come first in segmentation; pretraining had rows first, so the picture is turned."""
    net, seen = make(SMALL).eval(), []
    net.encoder.layer1.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[2:]))
    x_BCIJ = torch.randn(1, 3, 64, 32)
    logits_BNIJ = net(x_BCIJ)
    assert seen == [(8, 16)]
    x_BCJI = x_BCIJ.transpose(2, 3)
    alone = net.decoder(net.encoder.maps(x_BCJI), x_BCJI)
    torch.testing.assert_close(logits_BNIJ, alone.transpose(2, 3))


def test_every_map_and_the_picture_matter():
    config = MapDecoder(inputs=1, outputs=2, channels=(4, 5, 6, 7), widths=(8, 8, 8, 8, 8))
    net = make(config)
    sizes = (16, 8, 4, 2)
    maps = [torch.randn(1, c, n, n, requires_grad=True) for c, n in zip(config.channels, sizes, strict=True)]
    x = torch.randn(1, 1, 64, 64, requires_grad=True)
    net(tuple(maps), x).square().sum().backward()
    assert all(part.grad.abs().sum() > 0 for part in (*maps, x))


def test_battery(tmp_path):
    torch.manual_seed(0)
    target = torch.randint(3, (2, 4, 4)).repeat_interleave(8, 1).repeat_interleave(8, 2)
    x = target[:, None] - 1 + 0.3 * torch.randn(2, 3, 32, 32)
    check_saved_equals_loaded(SMALL, x, tmp_path)
    check_bf16(SMALL, x, within=0.1)
    check_overfits(SMALL, x, target, steps=60, below=0.3)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"encoder": {"name": "vit"}, "outputs": 2}, "has no pyramid of maps; resnet and bit have one"),
        ({"encoder": {"name": "resnet"}, "outputs": 2, "widths": [8, 8]}, "widths needs 5 numbers"),
    ],
)
def test_what_makes_no_net(table, message):
    with pytest.raises(ConfigError, match=message):
        PyramidUNet.parse({"name": "pyramid-unet", **table})


def test_a_decoder_doubles_by_powers_of_two():
    with pytest.raises(ConfigError, match="divisor 24 is no power of 2"):
        MapDecoder(inputs=1, outputs=2, channels=(4, 5, 6, 7), divisor=24)
