"""Google's Big Transfer (arXiv:1912.11370), BiT-M or BiT-S, and REMEDIS (arXiv:2205.09723), made from it.

Big Transfer comes as `.npz` with TensorFlow's names. REMEDIS comes as a SavedModel of TensorFlow 2: its variables have
the same names, perhaps below others. It turns pictures from 0 to 1 into -1 to 1 itself, here the preparation does; and
its result is the last map, which is `places_BLD` here.
"""

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

_RULES: tuple[Rule, ...] = (
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
_BELOW_OTHERS = Rename(r"^.*?(?=root_block/|block[1-4]/unit\d\d/|group_norm/(gamma|beta)$|head/)", "")
_REMEDIS_KEYS = KeyMap(
    rules=(
        Drop(r"(^|/)(global_step|save_counter|step)$", "counts the steps of the training"),
        Drop(r"(^|/)(Momentum|momentum|LARS|optimizer)(/|$)", "state of the training"),
        _BELOW_OTHERS,
        *_RULES,
    )
)

BIT = Layout(
    about="BiT-M-R50x1.npz and the like; depths=[3,8,36,3] factor=2 for 152x2",
    net={"name": "bit"},
    keymap=KeyMap(rules=_RULES),
)
REMEDIS = Layout(
    about="REMEDIS path-*, a SavedModel's folder: pathology in 8-bit colour; depths=[3,8,36,3] factor=2 for 152x2",
    net={"name": "bit"},
    keymap=_REMEDIS_KEYS,
    images="colour",
)
REMEDIS_CXR = Layout(
    about="REMEDIS cxr-*, a SavedModel's folder: chest X-rays; depths=[3,8,36,3] factor=2 for 152x2",
    net={"name": "bit"},
    keymap=_REMEDIS_KEYS,
    images="xray",
)
