import pytest
import timm
import torch
import torchvision
from torch import nn
from torch.nn import functional

from nets.battery import check_bf16, check_overfits, check_saved_equals_loaded, make
from vesalius.errors import ConfigError
from vesalius.nets.resnet import ResNet
from vesalius.weights.onnx import export_onnx

SK = {"stem": "deep", "shortcut": "pool", "selective_kernel": True}
VERSION_2 = {  # (depth, width, selective kernel): millions of parameters, https://github.com/google-research/simclr
    (50, 1, False): 24,
    (50, 1, True): 35,
    (50, 2, False): 94,
    (50, 2, True): 140,
    (101, 1, False): 43,
    (101, 1, True): 65,
    (101, 2, False): 170,
    (101, 2, True): 257,
    (152, 1, False): 58,
    (152, 1, True): 89,
    (152, 2, False): 233,
    (152, 2, True): 354,
    (152, 3, True): 795,
}
SMALL = {
    "basic": ResNet(depth=18, factor=0.25, inputs=1),
    "cifar": ResNet(depth=34, factor=0.125, stem="cifar"),
    "bottleneck": ResNet(depth=50, factor=0.125),
    "selective": ResNet(depth=50, factor=0.125, pooling="same", **SK),
}


def random_state(net: nn.Module) -> nn.Module:
    """Every number random, running statistics too, so that a mistaken name or order shows."""
    torch.manual_seed(1)
    with torch.no_grad():
        for name, value in net.state_dict().items():
            if value.ndim == 1 and name.endswith(("weight", "running_var")):
                value.uniform_(0.5, 1.5)
            elif value.is_floating_point():
                value.normal_(std=0.1 if value.ndim < 4 else value[0].numel() ** -0.5)
    return net.eval()


@pytest.mark.parametrize(("depth", "factor", "kernels"), VERSION_2)
def test_as_many_numbers_as_published(depth, factor, kernels):
    """The published counts are rounded and hold the running statistics."""
    with torch.device("meta"):
        net = ResNet(depth=depth, factor=factor, **(SK if kernels else {})).make()
    count = sum(value.numel() for name, value in net.state_dict().items() if "num_batches" not in name)
    assert round(count / 1e6) == VERSION_2[depth, factor, kernels]


@pytest.mark.parametrize("depth", [18, 50])
def test_the_plain_one_is_torchvisions(depth):
    theirs = random_state(getattr(torchvision.models, f"resnet{depth}")(weights=None))
    theirs.fc = nn.Identity()
    ours = make(ResNet(depth=depth)).eval()
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        torch.testing.assert_close(ours(x)[0], theirs(x), atol=1e-4, rtol=1e-5)


def test_the_deep_stem_and_pooled_shortcuts_are_resnet_d():
    """timm's ResNet-D pools nothing where the stride is 1, so its first shortcut is compared without."""
    theirs = random_state(timm.create_model("resnet50d", num_classes=0, stem_width=32, stem_type="deep"))
    ours = make(ResNet(depth=50, stem="deep", shortcut="pool")).eval()
    ours.load_state_dict(theirs.state_dict())
    ours.layer1[0].downsample[0] = nn.Identity()
    x = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        torch.testing.assert_close(ours(x)[0], theirs(x), atol=1e-4, rtol=1e-5)


def test_pooling_with_stride_1_leaves_out_what_is_beyond_the_border():
    pool = make(ResNet(depth=50, factor=0.125, shortcut="pool")).layer1[0].downsample[0]
    x = torch.arange(6.0).reshape(1, 1, 2, 3)
    mean = [[(0 + 1 + 3 + 4) / 4, (1 + 2 + 4 + 5) / 4, (2 + 5) / 2], [(3 + 4) / 2, (4 + 5) / 2, 5.0]]
    assert pool(x)[0, 0].tolist() == mean


def test_pooling_of_the_stem_as_tensorflow_pads_it():
    pool = make(ResNet(depth=18, factor=0.125, pooling="same")).maxpool
    x = torch.rand(1, 1, 4, 6)
    padded = functional.pad(x, (0, 1, 0, 1), value=-torch.inf)
    slow = [[padded[0, 0, 2 * j : 2 * j + 3, 2 * i : 2 * i + 3].max() for i in range(3)] for j in range(2)]
    assert pool(x)[0, 0].tolist() == [[float(value) for value in row] for row in slow]


def test_selective_kernel_by_hand():
    """arXiv:1903.06586, equations 1 to 6, with one convolution for both streams and no bias (arXiv:2006.10029)."""
    kernel = random_state(make(ResNet(depth=50, factor=0.125, **SK))).layer2[0].conv2
    assert kernel.squeeze.weight.shape == (32, 16, 1, 1)  # max(16 / 16, 32)
    x = torch.randn(2, 16, 8, 8)
    with torch.no_grad():
        both = functional.relu(kernel.bn(functional.conv2d(x, kernel.conv.weight, stride=2, padding=1)))
        first, second = both[:, :16], both[:, 16:]
        squeezed = (first + second).mean((2, 3))
        middle = squeezed @ kernel.squeeze.weight[:, :, 0, 0].T
        norm = kernel.squeeze_bn
        middle = (middle - norm.running_mean) / (norm.running_var + 1e-5).sqrt() * norm.weight + norm.bias
        scores = middle.clamp(min=0) @ kernel.mix.weight[:, :, 0, 0].T
        share = torch.sigmoid(scores[:, :16] - scores[:, 16:])[:, :, None, None]  # softmax of two
        torch.testing.assert_close(kernel(x), share * first + (1 - share) * second, atol=1e-5, rtol=1e-5)


def test_drawn_as_simclr_draws():
    net = make(ResNet(depth=50, factor=0.5))
    weight = net.layer4[1].conv2.weight.detach()
    assert float(weight.std()) == pytest.approx((256 * 9) ** -0.5, rel=0.01)
    assert weight.abs().max() <= 2 * (256 * 9) ** -0.5 / 0.87
    assert all(not block.bn3.weight.any() and block.bn2.weight.all() for block in net.layer4)
    assert make(ResNet(depth=18, factor=0.125, momentum=0.3)).bn1.momentum == 0.3


def test_wrong_sizes_are_one_line():
    with pytest.raises(ConfigError, match="selective_kernel needs a depth of 50 or more"):
        ResNet.parse({"depth": 34, "selective_kernel": True})
    with pytest.raises(ConfigError, match="depth"):
        ResNet.parse({"depth": 20})


@pytest.mark.parametrize("kind", SMALL)
def test_battery(kind, tmp_path):
    config = SMALL[kind]
    torch.manual_seed(0)
    target, x = torch.tensor([0, 1, 2, 1]), torch.randn(4, config.inputs, 32, 32)
    check_saved_equals_loaded(config, x, tmp_path)
    check_bf16(config, x, within=0.1)
    to_logits_DN = torch.randn(config.width, 3)
    check_overfits(config, x, target, steps=20, logits=lambda out: out[0] @ to_logits_DN)


def test_onnx_parity_of_what_is_special(tmp_path):
    """Of whole nets in `tests/tasks/weights/test_export.py`."""
    block = random_state(make(SMALL["selective"])).layer1[0]
    assert export_onnx(block, (8, 8, 6), tmp_path / "a.onnx").largest < 1e-5


@pytest.mark.parametrize(("factor", "is_last"), [(0.125, False), (0.25, True)])
def test_narrow_nets_keep_the_layout_that_onednn_trains_without_crashing(factor, is_last):
    net = make(ResNet(depth=18, factor=factor, stem="cifar"))
    weight = net.layer2[0].conv2.weight
    assert weight.is_contiguous(memory_format=torch.channels_last) is is_last
    net(torch.randn(16, 3, 48, 48))[0].sum().backward()
    assert weight.grad.isfinite().all()
