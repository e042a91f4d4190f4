import re

import numpy as np
import pytest
import timm
import torch

from vesalius.errors import InputError
from vesalius.nets.bit import BiT
from vesalius.weights.checkpoint import read_checkpoint
from vesalius.weights.keymap import match
from vesalius.weights.layouts.bit import BIT
from weights.layouts.filled import filled, picture

FROZEN = [0.504915177822113, 1.8591772317886353, 0.005442902445793152, 1.4406622648239136]


def google_name(name):
    """A tensor of timm under Google's name."""
    if name.startswith("head."):
        return "resnet/head/conv2d/" + ("kernel" if name.endswith("weight") else "bias")
    kind = "gamma" if name.endswith("weight") else "beta"
    if name == "stem.conv.weight":
        return "resnet/root_block/standardized_conv2d/kernel"
    if name.startswith("norm."):
        return f"resnet/group_norm/{kind}"
    stage, block, rest = re.fullmatch(r"stages\.(\d)\.blocks\.(\d+)\.(.*)", name).groups()
    unit = f"resnet/block{int(stage) + 1}/unit{int(block) + 1:02d}"
    if rest.startswith("downsample"):
        return f"{unit}/a/proj/standardized_conv2d/kernel"
    letter = "abc"[int(re.search(r"(?:conv|norm)(\d)", rest)[1]) - 1]
    return f"{unit}/{letter}/" + ("standardized_conv2d/kernel" if "conv" in rest else f"group_norm/{kind}")


@pytest.fixture
def npz(tmp_path):
    torch.manual_seed(0)
    theirs = timm.create_model("resnetv2_50x1_bit")
    arrays = {}
    for name, tensor in theirs.state_dict().items():
        array = torch.randn(tensor.shape).numpy()
        arrays[google_name(name)] = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array
    assert len(arrays) == len(theirs.state_dict())
    np.savez(tmp_path / "bit.npz", **arrays)
    return tmp_path / "bit.npz"


def test_the_same_as_timm_reads_it(npz):
    theirs = timm.create_model("resnetv2_50x1_bit")
    theirs.load_pretrained(str(npz))
    net = BiT().make()
    report = match(read_checkpoint(npz).tensors, net, BIT.keymap)
    assert report.fits
    assert [why for _, why in report.dropped] == ["classes of ImageNet"] * 2
    for name, tensor in net.state_dict().items():
        assert torch.equal(tensor, theirs.state_dict()[name]), name


@pytest.mark.slow
def test_the_same_as_googles_own_network():
    """Frozen from big_transfer's PyTorch model (commit 140de6e), run by hand with `filled` by Google's names."""
    net = BiT().make().eval()
    tensors = {}
    for name, value in net.state_dict().items():
        tensor = filled(google_name(name), tuple(value.shape))
        tensors[google_name(name)] = tensor.permute(2, 3, 1, 0) if tensor.ndim == 4 else tensor
    assert match(tensors, net, BIT.keymap).fits
    with torch.no_grad():
        torch.testing.assert_close(net(2 * picture() - 1)[0][0, :4], torch.tensor(FROZEN), atol=1e-5, rtol=1e-5)


def test_what_timm_would_pass_over_is_refused(npz):
    tensors = dict(read_checkpoint(npz).tensors)
    tensors["resnet/block1/unit04/a/group_norm/gamma"] = torch.zeros(256)
    with pytest.raises(InputError, match=r"1 unexpected \(resnet/block1/unit04/a/group_norm/gamma\)"):
        match(tensors, BiT().make(), BIT.keymap)
