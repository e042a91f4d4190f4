"""The flags of Google's SimCLR and REMEDIS code as keys of a run: the only place that knows them. Needs no torch.

`train_batch_size=512` on the command line, or in a configuration of `task: simclr`, becomes `batch: 512`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml

from vesalius.errors import ConfigError

Raw = dict[str, Any]
_NAMED = {"method": {"name": "simclr"}, "net": {"name": "resnet"}}
"""Blocks that need a name, where the configuration has none."""


def with_seed_keys(raw: Mapping[str, Any], overrides: Sequence[str]) -> tuple[Raw, list[str]]:
    """Move flags to the places that their values have here.

    Args:
        raw: keys of a configuration; those of other tasks than simclr stay as they are.
        overrides: words "key=value"; those that name a flag are taken, and win over flags of the configuration.

    Returns:
        The keys without flags, and the words that are left.

    Raises:
        ConfigError: a value that the flag cannot have, or one that means nothing here.

    Example:
        >>> with_seed_keys({"task": "simclr", "temperature": 0.5}, ["train_epochs=90", "batch=64"])
        ({'task': 'simclr', 'method': {'name': 'simclr', 'temperature': 0.5}, 'train': {'epochs': 90}}, ['batch=64'])
    """
    if raw.get("task") != "simclr":
        return dict(raw), list(overrides)
    keys = {key: value for key, value in raw.items() if key not in FLAGS}
    flags = {key: value for key, value in raw.items() if key in FLAGS}
    rest = []
    for word in overrides:
        key, equals, value = word.partition("=")
        if equals and key in FLAGS:
            flags[key] = yaml.safe_load(value)
        else:
            rest.append(word)
    for key in reversed(list(FLAGS)):  # each of the three first transforms goes before those of the later lines
        if key in flags:
            FLAGS[key](keys, key, flags[key])
    return keys, rest


Place = Callable[[Raw, str, Any], None]
"""Puts the value of a flag into the keys of a run."""


def _at(dotted: str) -> Place:
    """The value at another place."""
    *path, last = dotted.split(".")

    def place(keys: Raw, flag: str, value: Any) -> None:
        del flag
        inner = keys
        for name in path:
            inner[name] = {**_NAMED.get(name, {}), **(inner.get(name) or {})}
            inner = inner[name]
        inner[last] = value

    return place


def _word(dotted: str, words: Mapping[Any, Any]) -> Place:
    """Another word at another place."""

    def place(keys: Raw, flag: str, value: Any) -> None:
        if value not in words:
            raise ConfigError(f"{value!r} was given", where=flag, fix=f"choose one of {', '.join(map(str, words))}")
        _at(dotted)(keys, flag, words[value])

    return place


def _only(value_here: Any, why: str) -> Place:
    """What is always so here."""

    def place(keys: Raw, flag: str, value: Any) -> None:
        del keys
        if value != value_here:
            raise ConfigError(f"{value!r} was given: {why}", where=flag, fix="leave it out")

    return place


def _changes(change: Callable[[Raw, Any], Raw | None]) -> Place:
    """Change every transform of the views and of whole pictures; None removes it, also below `sometimes`."""

    def changed(step: Raw, value: Any) -> Raw | None:
        inner = step.get("transform")
        if not isinstance(inner, Mapping):
            return change(dict(step), value)
        new = change(dict(inner), value)
        return None if new is None else {**step, "transform": new}

    def place(keys: Raw, flag: str, value: Any) -> None:
        del flag
        for block in ("augment", "whole"):
            steps = [changed(step, value) for step in keys.get(block) or ()]
            keys[block] = [step for step in steps if step is not None]

    return place


def _sized(step: Raw, side: Any) -> Raw:
    return {**step, "size": [side, side]} if "size" in step else step


def _jittered(key: str) -> Callable[[Raw, Any], Raw]:
    return lambda step, value: {**step, key: value} if step.get("name") in ("colour_jitter", "grey_jitter") else step


def _without(name: str) -> Callable[[Raw, Any], Raw | None]:
    return lambda step, wanted: None if step.get("name") == name and not wanted else step


def _first(step: Raw, name: str) -> Place:
    """Begin the views with a transform, or leave it out."""

    def place(keys: Raw, flag: str, value: Any) -> None:
        _changes(_without(name))(keys, flag, False)
        if value:
            keys["augment"] = [step, *keys["augment"]]

    return place


def _rotation(keys: Raw, flag: str, value: Any) -> None:
    if value:
        _first({"name": "affine", "degrees": value, "outside": 0.0}, "affine")(keys, flag, True)


def _layers(keys: Raw, flag: str, value: Any) -> None:
    _at("method.layers")(keys, flag, value + 1 if isinstance(value, int) else value)


FLAGS: Mapping[str, Place] = {
    "train_mode": _only("pretrain", "finetuning is a task of its own, see train finetune/..."),
    "learning_rate": _at("train.optimizer.lr"),
    "learning_rate_scaling": _at("train.optimizer.scaling"),
    "warmup_epochs": _at("train.schedule.warmup_epochs"),
    "weight_decay": _at("train.optimizer.weight_decay"),
    "momentum": _at("train.optimizer.momentum"),
    "optimizer": _word("train.optimizer.name", {"lars": "lars", "momentum": "sgd", "adam": "adamw"}),
    "train_batch_size": _at("batch"),
    "train_epochs": _at("train.epochs"),
    "train_steps": _at("train.max_steps"),
    "checkpoint_steps": _at("train.checkpoint_every"),
    "train_summary_steps": _at("train.log_every"),
    "checkpoint": _at("init_from.model"),
    "temperature": _at("method.temperature"),
    "hidden_norm": _at("method.hidden_norm"),
    "head_proj_dim": _at("method.outputs"),
    "proj_out_dim": _at("method.outputs"),
    "num_nlh_layers": _layers,
    "global_bn": _only(True, "norms are always those of all processes"),
    "resnet_depth": _at("net.depth"),
    "width_multiplier": _at("net.factor"),
    "image_size": _changes(_sized),
    "color_jitter_strength": _changes(_jittered("strength")),
    "max_brightness_distort": _changes(_jittered("brightness")),
    "max_contrast_distort": _changes(_jittered("contrast")),
    "use_blur": _changes(_without("blur")),
    "equalize_histogram": _first({"name": "sometimes", "p": 0.5, "transform": {"name": "equalize"}}, "equalize"),
    "use_elastic_deform": _first({"name": "elastic"}, "elastic"),
    "rotation_range": _rotation,
    "multi_instance": _only(False, "several pictures of a patient as one pair are not implemented"),
}
"""Flag -> what it does to the keys. Flags of data sets, TPUs and files have no meaning here."""
