"""ResNets as torchvision and the converters of SimCLR name the tensors.

SimCLR (arXiv:2002.05709) by tonylins/simclr-converter has torchvision's names; SimCLR v2 (arXiv:2006.10029) by
Separius/SimCLRv2-Pytorch has its own. Google trained with TensorFlow's padding of the stem's pooling, which these
networks have; the converters' own networks pad otherwise.
"""

from __future__ import annotations

from vesalius.weights.keymap import KeyMap
from vesalius.weights.layouts.table import Layout
from vesalius.weights.rules import Drop, Inflate, Rename, Rule, Strip

_FC = Drop(r"^fc\.", "classes of ImageNet")
_FIRST = Inflate(r"^conv1(\.0)?\.weight$")
_PLAIN = KeyMap(wrappers=("state_dict", "model"), rules=(Strip("module."), _FC, _FIRST))


def _in_block(theirs: str, ours: str) -> Rule:
    return Rename(rf"^(layer\d\.\d+)\.{theirs}", rf"\1.{ours}")


def _converted(stem: tuple[Rule, ...], block: tuple[Rule, ...]) -> KeyMap:
    groups = tuple(Rename(rf"^net\.{number}\.blocks\.", f"layer{number}.") for number in range(1, 5))
    return KeyMap(wrappers=("resnet",), rules=(Strip("module."), _FC, *stem, *groups, *block, _FIRST))


TORCHVISION = Layout(
    about="resnet18 to resnet152 of torchvision; depth=", net={"name": "resnet", "depth": 50}, keymap=_PLAIN
)
SIMCLR = Layout(
    about="SimCLR, resnet50-1x.pth and the like of simclr-converter; factor=",
    net={"name": "resnet", "depth": 50, "pooling": "same"},
    keymap=_PLAIN,
)
SIMCLR2 = Layout(
    about="SimCLR v2 without selective kernels, r50_1x_sk0.pth and the like of SimCLRv2-Pytorch; depth=, factor=",
    net={"name": "resnet", "depth": 50, "pooling": "same"},
    keymap=_converted(
        stem=(Rename(r"^net\.0\.0\.", "conv1."), Rename(r"^net\.0\.1\.0\.", "bn1.")),
        block=(
            _in_block(r"projection\.shortcut\.", "downsample.0."),
            _in_block(r"projection\.bn\.0\.", "downsample.1."),
            _in_block(r"net\.0\.", "conv1."),
            _in_block(r"net\.1\.0\.", "bn1."),
            _in_block(r"net\.2\.", "conv2."),
            _in_block(r"net\.3\.0\.", "bn2."),
            _in_block(r"net\.4\.", "conv3."),
            _in_block(r"net\.5\.0\.", "bn3."),
        ),
    ),
)
SIMCLR2_SK = Layout(
    about="SimCLR v2 with selective kernels, r50_1x_sk1.pth and the like of SimCLRv2-Pytorch; depth=, factor=",
    net={
        "name": "resnet",
        "depth": 50,
        "stem": "deep",
        "shortcut": "pool",
        "selective_kernel": True,
        "pooling": "same",
    },
    keymap=_converted(
        stem=(
            Rename(r"^net\.0\.5\.0\.", "bn1."),
            Rename(r"^net\.0\.0\.", "conv1.0."),
            Rename(r"^net\.0\.1\.0\.", "conv1.1."),
            Rename(r"^net\.0\.2\.", "conv1.3."),
            Rename(r"^net\.0\.3\.0\.", "conv1.4."),
            Rename(r"^net\.0\.4\.", "conv1.6."),
        ),
        block=(
            _in_block(r"projection\.shortcut\.2\.", "downsample.1."),
            _in_block(r"projection\.bn\.0\.", "downsample.2."),
            _in_block(r"net\.0\.", "conv1."),
            _in_block(r"net\.1\.0\.", "bn1."),
            _in_block(r"net\.2\.main_conv\.0\.", "conv2.conv."),
            _in_block(r"net\.2\.main_conv\.1\.0\.", "conv2.bn."),
            _in_block(r"net\.2\.mixing_conv\.0\.", "conv2.squeeze."),
            _in_block(r"net\.2\.mixing_conv\.1\.0\.", "conv2.squeeze_bn."),
            _in_block(r"net\.2\.mixing_conv\.2\.", "conv2.mix."),
            _in_block(r"net\.3\.", "conv3."),
            _in_block(r"net\.4\.0\.", "bn3."),
        ),
    ),
)
