"""Google's Big Transfer files (arXiv:1912.11370), BiT-M or BiT-S, as `.npz` with TensorFlow's names."""

from __future__ import annotations

from vesalius.weights.keymap import KeyMap
from vesalius.weights.layouts.table import Layout
from vesalius.weights.rules import Drop, Inflate, Permute, Rename, Rule, Strip

_MOST_BLOCKS = 36
_STAGES: tuple[Rule, ...] = tuple(Rename(rf"^block{n}/", f"stages.{n - 1}.") for n in range(1, 5))
_BLOCKS: tuple[Rule, ...] = tuple(Rename(rf"\.unit{n:02d}/", f".blocks.{n - 1}.") for n in range(1, _MOST_BLOCKS + 1))
_LAYERS: tuple[Rule, ...] = tuple(
    rule
    for letter, number in (("a", 1), ("b", 2), ("c", 3))
    for rule in (
        Rename(rf"\.{letter}/standardized_conv2d/kernel$", f".conv{number}.weight"),
        Rename(rf"\.{letter}/group_norm/", f".norm{number}."),
    )
)

BIT = Layout(
    about="BiT-M-R50x1.npz and the like; depths=[3,8,36,3] factor=2 for 152x2",
    net={"name": "bit"},
    keymap=KeyMap(
        rules=(
            Strip("resnet/"),
            Drop(r"^head/", "classes of ImageNet"),
            Permute(r"/kernel$", (3, 2, 0, 1)),
            Rename(r"^root_block/standardized_conv2d/kernel$", "stem.conv.weight"),
            *_STAGES,
            *_BLOCKS,
            Rename(r"\.a/proj/standardized_conv2d/kernel$", ".downsample.conv.weight"),
            *_LAYERS,
            Rename(r"^group_norm/", "norm."),
            Rename(r"gamma$", "weight"),
            Rename(r"beta$", "bias"),
            Inflate(r"^stem\.conv\.weight$"),
        )
    ),
)
