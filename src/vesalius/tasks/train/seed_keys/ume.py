"""The keys of UME's JSON files. They change a configuration of the package, which has what those files leave open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vesalius.errors import ConfigError
from vesalius.memory import MIB, limit_bytes
from vesalius.tasks.train.seed_keys.places import Place, Raw, at, moved, nothing, switched, table

UME_BLOCKS = frozenset({"model", "training", "voco"})
"""Blocks that a file of UME has, and no configuration of a run."""
UME_SHARED = frozenset({"data"})
"""Blocks that both have."""
_SIZES = {96: ("micro", 3, 3), 384: ("small", 6, 6), 768: ("base", 12, 12)}
"""Width -> size of UME, heads, layers; as `nets.ume.FRAME_SIZES`."""
_UNCACHED_MIB = 2048
"""Memory of a run of UME that caches nothing: enough to load ahead."""


def _width(net: str) -> Place:
    """The size that has this width."""

    def place(keys: Raw, flag: str, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or value not in _SIZES:
            raise ConfigError(f"{value!r} was given", where=flag, fix=f"choose one of {', '.join(map(str, _SIZES))}")
        at(f"{net}.size", {})(keys, flag, _SIZES[value][0])

    return place


def _count(net: str, which: int) -> Place:
    """What the size has; `embed_dim` chooses that."""

    def place(keys: Raw, flag: str, value: Any) -> None:
        held: Any = keys
        for name in net.split("."):
            held = table(held.get(name), net)
        for width, size in _SIZES.items():
            if size[0] == held.get("size") and size[which] != value:
                sizes = ", ".join(f"{wide} {heads} {layers}" for wide, (_, heads, layers) in _SIZES.items())
                fix = f"give embed_dim, num_heads and num_layers of one size: {sizes}"
                raise ConfigError(f"{value!r} was given, embed_dim {width} has {size[which]}", where=flag, fix=fix)

    return place


def _picture(net: str) -> Place:
    """One side for both."""

    def place(keys: Raw, flag: str, value: Any) -> None:
        sides = value if isinstance(value, list | tuple) else [value, value]
        if len(sides) != 2 or sides[0] != sides[1]:
            raise ConfigError(f"{value!r} was given", where=flag, fix="give two equal sides")
        at(f"{net}.picture", {})(keys, flag, sides[0])

    return place


def _volume(keys: Raw, flag: str, value: Any) -> None:
    """Crop and pad each volume to this size."""
    at("prepare.steps", {})(keys, flag, [{"name": "center_fit", "size": value}])


def _cached(keys: Raw, flag: str, value: Any) -> None:
    """A share of the memory that is allowed, in place of one of the cases."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ConfigError(f"{value!r} was given", where=flag, fix="give a share from 0 to 1")
    share = round(value * limit_bytes() / MIB)
    at("data.memory_mib", {})(keys, flag, share or _UNCACHED_MIB)


def _uncached(keys: Raw, flag: str, value: Any) -> None:
    """Whatever the share: without a cache the memory is that of loading ahead."""
    if not switched(value, flag):
        at("data.memory_mib", {})(keys, flag, _UNCACHED_MIB)


def _unit_weight(keys: Raw, flag: str, value: Any) -> None:
    """The weight of the segmentation is 1, and the others are relative to it."""
    del keys
    if isinstance(value, bool) or value != 1:
        fix = "leave it at 1, and divide the other weights by it"
        raise ConfigError(f"{value!r} was given, the loss of segmentation has the weight 1", where=flag, fix=fix)


def _keys(net: str, own: Mapping[str, Place]) -> dict[str, Place]:
    """Return the keys of a task: those that both have, with the encoder at `net`, and its own."""
    return {
        "model.input_channels": moved(f"{net}.inputs"),
        "model.num_layers": _count(net, 2),
        "model.num_heads": _count(net, 1),
        "model.embed_dim": _width(net),  # before the two above, for the order is reversed
        "model.patch_size": moved(f"{net}.patch"),
        "model.image_size": _picture(net),
        "model.max_keyframes": moved(f"{net}.max_keyframes"),
        "model.compression_ratio": moved(f"{net}.compression_ratio"),
        "data.data_dir": moved("data.manifest"),
        "data.batch_size": moved("batch"),
        "data.num_workers": moved("data.workers"),
        "data.use_cache": _uncached,
        "data.cache_rate": _cached,  # before use_cache
        "training.epochs": moved("train.epochs"),
        "training.learning_rate": moved("train.optimizer.lr"),
        "training.weight_decay": moved("train.optimizer.weight_decay"),
        "training.warmup_epochs": moved("train.schedule.warmup_epochs"),
        **own,
    }


_OF_VOCO = (
    *(f"training.loss_weights.{name}" for name in ("voco", "contrastive", "area")),
    *(f"voco.{name}" for name in ("crop_size", "overlap_ratio", "temperature", "lambda_area")),
)
_OF_SEGMENT = (
    "model.num_classes",
    "model.training_frames",
    "data.training_frames",
    *(f"training.loss_weights.{name}" for name in ("segmentation", "consistency", "temporal")),
)
UME_KEYS: Mapping[str, Mapping[str, Place]] = {
    "voco": _keys(
        "net",
        {
            "data.target_size": _volume,
            "training.loss_weights.voco": moved("method.weights.voco"),
            "training.loss_weights.diversity": moved("method.weights.diversity"),
            "training.loss_weights.contrastive": moved("method.weights.contrastive"),
            "training.loss_weights.area": moved("method.weights.area"),
            "voco.crop_size": moved("method.geometry.crop"),
            "voco.overlap_ratio": moved("method.geometry.overlap"),
            "voco.temperature": moved("method.temperature"),
            "voco.lambda_area": moved("method.lambda_area"),
            **dict.fromkeys(_OF_SEGMENT, nothing),
        },
    ),
    "segment": _keys(
        "net.encoder",
        {
            "data.target_size": moved("patch"),
            "model.num_classes": moved("net.outputs"),
            "model.training_frames": moved("net.frames_at_once"),
            "data.training_frames": moved("net.frames_at_once"),
            "training.loss_weights.segmentation": _unit_weight,
            "training.loss_weights.diversity": moved("loss.diversity"),
            "training.loss_weights.consistency": moved("loss.consistency"),
            "training.loss_weights.temporal": moved("loss.temporal"),
            **dict.fromkeys(_OF_VOCO, nothing),
        },
    ),
}
"""Task -> key of a JSON file of UME -> what it does to the keys of `TASK/brats_ume`."""
