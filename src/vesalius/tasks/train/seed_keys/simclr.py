"""The flags of Google's SimCLR and REMEDIS code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vesalius.errors import ConfigError
from vesalius.tasks.train.seed_keys.places import Place, Raw, all_steps, at, instead, only, switched, table, word


def _steps(keys: Raw, block: str) -> list[Raw]:
    """Return the transforms of a block."""
    steps = keys.get(block) or ()
    if not isinstance(steps, list | tuple) or not all(isinstance(step, Mapping) for step in steps):
        raise ConfigError("is not a list of transforms", where=block, fix="write [{name: flip, axes: I}, ...]")
    return [dict(step) for step in steps]


def _inner(step: Raw) -> Raw:
    """Return a transform, also the one below `sometimes`."""
    inner = step.get("transform")
    return dict(inner) if isinstance(inner, Mapping) else step


def _changes(has: Callable[[Raw], bool], change: Callable[[Raw, Any], Raw]) -> Place:
    """Change every such transform of the views and of whole pictures; there must be one."""

    def place(keys: Raw, flag: str, value: Any) -> None:
        count = 0
        for block in ("augment", "whole"):
            steps = _steps(keys, block)
            for number, step in enumerate(steps):
                inner = _inner(step)
                if has(inner):
                    new, count = change(inner, value), count + 1
                    steps[number] = {**step, "transform": new} if inner is not step else new
            if steps:
                keys[block] = steps
        if not count:
            raise ConfigError("augment has no transform that this changes", where=flag, fix="add one, or leave it out")

    return place


def _has_size(step: Raw) -> bool:
    return "size" in step


def _side(step: Raw) -> int | None:
    """Return the rows of what a transform makes."""
    size = step.get("size")
    return size[0] if isinstance(size, list | tuple) and size and isinstance(size[0], int) else None


def _sized(keys: Raw, flag: str, value: Any) -> None:
    """Change the size of the views, and that of prepared pictures by the same factor: else small ones are enlarged."""
    old = next((side for step in reversed(_steps(keys, "augment")) if (side := _side(_inner(step)))), None)
    _changes(_has_size, lambda step, side: {**step, "size": [side, side]})(keys, flag, value)
    prepare = dict(table(keys.get("prepare"), "prepare"))
    if old is None or isinstance(value, bool) or not isinstance(value, int):
        return
    steps = _steps(prepare, "steps")
    for number, step in enumerate(steps):
        if step.get("name") == "resize" and _side(step):
            steps[number] = {**step, "size": [round(side * value / old) for side in step["size"]]}
    if steps:
        keys["prepare"] = {**prepare, "steps": steps}


def _is_jitter(step: Raw) -> bool:
    return step.get("name") in ("colour_jitter", "grey_jitter")


def _set(key: str) -> Callable[[Raw, Any], Raw]:
    return lambda step, value: {**step, key: value}


def _without(keys: Raw, name: str) -> list[Raw]:
    """Return the views' transforms but those of that name."""
    return [step for step in _steps(keys, "augment") if _inner(step).get("name") != name]


def _first(step: Raw, name: str) -> Place:
    """Begin the views with a transform, or leave it out."""

    def place(keys: Raw, flag: str, value: Any) -> None:
        keys["augment"] = [step, *_without(keys, name)] if switched(value, flag) else _without(keys, name)

    return place


def _rotation(keys: Raw, flag: str, value: Any) -> None:
    del flag
    turn = {"name": "affine", "degrees": value, "outside": 0.0}
    keys["augment"] = [turn, *_without(keys, "affine")] if value else _without(keys, "affine")


def _blur(keys: Raw, flag: str, value: Any) -> None:
    """End the views with the published blur where they have none, or leave it out."""
    rest = _without(keys, "blur")
    if not switched(value, flag):
        keys["augment"] = rest
    elif len(rest) == len(_steps(keys, "augment")):
        blur = {"name": "blur", "sigma": [0.1, 2.0]}
        keys["augment"] = [*rest, {"name": "sometimes", "p": 0.5, "transform": blur}]


def _layers(keys: Raw, flag: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"{value!r} was given", where=flag, fix="give a whole number")
    at("method.layers")(keys, flag, value + 1)


FLAGS: Mapping[str, Place] = {
    "train_mode": only("pretrain", "finetuning is a task of its own, see train finetune/..."),
    "learning_rate": at("train.optimizer.lr"),
    "learning_rate_scaling": at("train.optimizer.scaling"),
    "warmup_epochs": at("train.schedule.warmup_epochs"),
    "weight_decay": at("train.optimizer.weight_decay"),
    "momentum": at("train.optimizer.momentum"),
    "optimizer": word("train.optimizer.name", {"lars": "lars", "momentum": "sgd", "adam": "adamw"}),
    "train_batch_size": at("batch"),
    "train_steps": all_steps,
    "train_epochs": at("train.epochs"),
    "checkpoint_steps": at("train.checkpoint_every"),
    "train_summary_steps": at("train.log_every"),
    "checkpoint": at("init_from.model"),
    "temperature": at("method.temperature"),
    "hidden_norm": at("method.hidden_norm"),
    "head_proj_dim": at("method.outputs"),
    "proj_out_dim": at("method.outputs"),
    "num_nlh_layers": _layers,
    "num_proj_layers": at("method.layers"),
    "global_bn": only(True, "norms are always those of all processes"),
    "resnet_depth": at("net.depth"),
    "width_multiplier": at("net.factor"),
    "image_size": _sized,
    "color_jitter_strength": _changes(_is_jitter, _set("strength")),
    "max_brightness_distort": _changes(_is_jitter, _set("brightness")),
    "max_contrast_distort": _changes(_is_jitter, _set("contrast")),
    "use_blur": _blur,
    "equalize_histogram": _first({"name": "sometimes", "p": 0.5, "transform": {"name": "equalize"}}, "equalize"),
    "use_elastic_deform": _first({"name": "elastic"}, "elastic"),
    "rotation_range": _rotation,
    "multi_instance": only(False, "several pictures of a patient as one pair are not implemented"),
    "dataset": instead("give data.manifest=MANIFEST, which vesalius cohort build makes"),
    "eval_split": instead("name the splits in the manifest (vesalius cohort split)"),
    "model_dir": instead("name the folder with -o"),
    "use_tpu": instead("choose the device with --device"),
}
"""Flag -> what it does to the keys."""
