import pytest
import torch

from nets.battery import check_bf16, check_overfits, check_saved_equals_loaded, make
from nets.test_unet import blocks
from vesalius.errors import ConfigError
from vesalius.nets.segresnet import SegResNet

SMALL = SegResNet(dims=2, inputs=1, outputs=3, width=8, down=(1, 1), up=(1,))


def test_logits_have_the_voxels_of_the_input():
    config = SegResNet(dims=3, inputs=2, outputs=4, width=8, down=(1, 1, 1), up=(1, 1))
    assert config.divisor == 4
    assert make(config)(torch.zeros(1, 2, 8, 12, 16)).shape == (1, 4, 8, 12, 16)


def test_battery(tmp_path):
    x, target = blocks()
    check_saved_equals_loaded(SMALL, x, tmp_path)
    check_bf16(SMALL, x, within=0.05)
    check_overfits(SMALL, x, target, steps=150)


def test_impossible_sizes():
    with pytest.raises(ConfigError, match="2 levels down need 1 levels up"):
        SegResNet.build(dims=2, inputs=1, outputs=2, down=(1, 1), up=(1, 1))
