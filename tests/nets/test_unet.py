import pytest
import torch

from nets.battery import check_bf16, check_overfits, check_saved_equals_loaded, make
from vesalius.errors import ConfigError
from vesalius.nets.unet import UNet

SMALL = UNet(dims=2, inputs=1, outputs=3, channels=(8, 16), units=1)


def blocks():
    """Four pictures whose classes are told by brightness."""
    torch.manual_seed(0)
    target = torch.randint(0, 3, (4, 4, 4)).repeat_interleave(4, 1).repeat_interleave(4, 2)
    return (target[:, None] - 1.0) + 0.1 * torch.randn(4, 1, 16, 16), target


def test_logits_have_the_voxels_of_the_input():
    net = make(UNet(dims=3, inputs=4, outputs=3, channels=(8, 16, 32)))
    assert net(torch.zeros(2, 4, 8, 12, 16)).shape == (2, 3, 8, 12, 16)


def test_divisor():
    assert UNet(dims=2, inputs=1, outputs=2).divisor == 8
    assert UNet(dims=2, inputs=1, outputs=2, channels=(8, 8, 8), strides=(1, 2)).divisor == 2


def test_battery(tmp_path):
    x, target = blocks()
    check_saved_equals_loaded(SMALL, x, tmp_path)
    check_bf16(SMALL, x, within=0.05)
    check_overfits(SMALL, x, target)


def test_batch_norm():
    net = make(UNet(dims=2, inputs=1, outputs=2, channels=(8, 16), norm="batch"))
    assert any(isinstance(part, torch.nn.BatchNorm2d) for part in net.modules())
    assert net(torch.randn(2, 1, 8, 8)).isfinite().all()


def test_impossible_sizes():
    with pytest.raises(ConfigError, match="3 levels need 2 strides"):
        UNet.build(dims=2, inputs=1, outputs=2, channels=(8, 8, 8), strides=(2,))
