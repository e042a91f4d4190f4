"""Keys of other code as keys of a run: the only place that knows them. Needs no torch.

For `task: simclr` the flags of Google's SimCLR and REMEDIS code: `train_batch_size=512` on the command line, or in a
configuration, becomes `batch: 512`. For `task: tokenize` the keys of TiTok's code, dotted or as blocks:
`experiment.init_weight=RUN` becomes `init_from: {model: RUN, part: tokenizer}`.
"""

from __future__ import annotations

import difflib
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
        raw: keys of a configuration; those of other tasks than simclr and tokenize stay as they are.
        overrides: words "key=value"; those that name a flag are taken, and win over flags of the configuration.

    Returns:
        The keys without flags, and the words that are left.

    Raises:
        ConfigError: a value that the flag cannot have, or one that means nothing here.

    Example:
        >>> with_seed_keys({"task": "simclr", "temperature": 0.5}, ["train_epochs=90", "batch=64"])
        ({'task': 'simclr', 'method': {'name': 'simclr', 'temperature': 0.5}, 'train': {'epochs': 90}}, ['batch=64'])
    """
    known = {"simclr": FLAGS, "tokenize": TITOK_KEYS}.get(str(raw.get("task")))
    if known is None:
        return dict(raw), list(overrides)
    keys, flags = _parted(raw, known)
    rest = []
    for word in overrides:
        key, equals, value = word.partition("=")
        if equals and key in known:
            flags[key] = _value(key, value)
        else:
            rest.append(word)
    for key in reversed(list(known)):  # each of the three first transforms goes before those of the later lines
        if key in flags:
            known[key](keys, key, flags[key])
    return keys, rest


def _parted(raw: Mapping[str, Any], known: Mapping[str, Place]) -> tuple[Raw, Raw]:
    """Return the keys of a run, and flags by dotted key; a block that begins flags holds nothing else."""
    blocks = {key.partition(".")[0] for key in known if "." in key}
    keys: Raw = {}
    flags: Raw = {}
    for key, value in raw.items():
        if key in known:
            flags[key] = value
        elif key in blocks and isinstance(value, Mapping):
            flags |= _dotted(value, key)
        else:
            keys[key] = value
    for key in flags:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0)[0]
            raise ConfigError("no such key", where=key, fix=f"did you mean {near!r}?")
    return keys, flags


def _dotted(block: Mapping[str, Any], above: str) -> Raw:
    flags: Raw = {}
    for key, value in block.items():
        name = f"{above}.{key}"
        flags |= _dotted(value, name) if isinstance(value, Mapping) else {name: value}
    return flags


def _value(flag: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"value {text!r} is not valid YAML", where=flag) from error


Place = Callable[[Raw, str, Any], None]
"""Puts the value of a flag into the keys of a run."""


def _at(dotted: str, named: Mapping[str, Raw] = _NAMED) -> Place:
    """The value at another place; a block that is not there yet begins with its name in `named`."""
    *path, last = dotted.split(".")

    def place(keys: Raw, flag: str, value: Any) -> None:
        del flag
        inner = keys
        for depth, name in enumerate(path, start=1):
            inner[name] = {**named.get(name, {}), **_table(inner.get(name), ".".join(path[:depth]))}
            inner = inner[name]
        inner[last] = value

    return place


def _table(held: Any, where: str) -> Mapping[str, Any]:
    """Return the table that a key holds; a model alone (`init_from: RUN`) gives way to that of the flag."""
    if held is None or (where == "init_from" and isinstance(held, str)):
        return {}
    if not isinstance(held, Mapping):
        raise ConfigError(f"{held!r} was given", where=where, fix="give a table of keys")
    return held


def _word(dotted: str, words: Mapping[str, Any]) -> Place:
    """Another word at another place."""

    def place(keys: Raw, flag: str, value: Any) -> None:
        if not isinstance(value, str) or value not in words:
            raise ConfigError(f"{value!r} was given", where=flag, fix=f"choose one of {', '.join(words)}")
        _at(dotted)(keys, flag, words[value])

    return place


def _only(value_here: Any, why: str) -> Place:
    """What is always so here."""

    def place(keys: Raw, flag: str, value: Any) -> None:
        del keys
        if value != value_here:
            raise ConfigError(f"{value!r} was given: {why}", where=flag, fix="leave it out")

    return place


def _instead(fix: str) -> Place:
    """What is said in another way here."""

    def place(keys: Raw, flag: str, value: Any) -> None:
        del keys, value
        raise ConfigError("no such key", where=flag, fix=fix)

    return place


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
    prepare = dict(_table(keys.get("prepare"), "prepare"))
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


def _switched(value: Any, flag: str) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"{value!r} was given", where=flag, fix="choose one of true, false")
    return value


def _first(step: Raw, name: str) -> Place:
    """Begin the views with a transform, or leave it out."""

    def place(keys: Raw, flag: str, value: Any) -> None:
        keys["augment"] = [step, *_without(keys, name)] if _switched(value, flag) else _without(keys, name)

    return place


def _rotation(keys: Raw, flag: str, value: Any) -> None:
    del flag
    turn = {"name": "affine", "degrees": value, "outside": 0.0}
    keys["augment"] = [turn, *_without(keys, "affine")] if value else _without(keys, "affine")


def _blur(keys: Raw, flag: str, value: Any) -> None:
    """End the views with the published blur where they have none, or leave it out."""
    rest = _without(keys, "blur")
    if not _switched(value, flag):
        keys["augment"] = rest
    elif len(rest) == len(_steps(keys, "augment")):
        blur = {"name": "blur", "sigma": [0.1, 2.0]}
        keys["augment"] = [*rest, {"name": "sometimes", "p": 0.5, "transform": blur}]


def _all_steps(keys: Raw, flag: str, value: Any) -> None:
    """So many steps, whatever `train_epochs` says; 0 means that it decides. An epoch has a step or more."""
    if value != 0:
        _at("train.max_steps")(keys, flag, value)
        _at("train.epochs")(keys, flag, value)


def _layers(keys: Raw, flag: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"{value!r} was given", where=flag, fix="give a whole number")
    _at("method.layers")(keys, flag, value + 1)


FLAGS: Mapping[str, Place] = {
    "train_mode": _only("pretrain", "finetuning is a task of its own, see train finetune/..."),
    "learning_rate": _at("train.optimizer.lr"),
    "learning_rate_scaling": _at("train.optimizer.scaling"),
    "warmup_epochs": _at("train.schedule.warmup_epochs"),
    "weight_decay": _at("train.optimizer.weight_decay"),
    "momentum": _at("train.optimizer.momentum"),
    "optimizer": _word("train.optimizer.name", {"lars": "lars", "momentum": "sgd", "adam": "adamw"}),
    "train_batch_size": _at("batch"),
    "train_steps": _all_steps,
    "train_epochs": _at("train.epochs"),
    "checkpoint_steps": _at("train.checkpoint_every"),
    "train_summary_steps": _at("train.log_every"),
    "checkpoint": _at("init_from.model"),
    "temperature": _at("method.temperature"),
    "hidden_norm": _at("method.hidden_norm"),
    "head_proj_dim": _at("method.outputs"),
    "proj_out_dim": _at("method.outputs"),
    "num_nlh_layers": _layers,
    "num_proj_layers": _at("method.layers"),
    "global_bn": _only(True, "norms are always those of all processes"),
    "resnet_depth": _at("net.depth"),
    "width_multiplier": _at("net.factor"),
    "image_size": _sized,
    "color_jitter_strength": _changes(_is_jitter, _set("strength")),
    "max_brightness_distort": _changes(_is_jitter, _set("brightness")),
    "max_contrast_distort": _changes(_is_jitter, _set("contrast")),
    "use_blur": _blur,
    "equalize_histogram": _first({"name": "sometimes", "p": 0.5, "transform": {"name": "equalize"}}, "equalize"),
    "use_elastic_deform": _first({"name": "elastic"}, "elastic"),
    "rotation_range": _rotation,
    "multi_instance": _only(False, "several pictures of a patient as one pair are not implemented"),
    "dataset": _instead("give data.manifest=MANIFEST, which vesalius cohort build makes"),
    "eval_split": _instead("name the splits in the manifest (vesalius cohort split)"),
    "model_dir": _instead("name the folder with -o"),
    "use_tpu": _instead("choose the device with --device"),
}
"""Flag -> what it does to the keys."""


def _in(dotted: str, change: Callable[[Any], Any] = lambda value: value) -> Place:
    """The value, changed, at a place of a configuration that has its blocks."""

    def place(keys: Raw, flag: str, value: Any) -> None:
        _at(dotted, {})(keys, flag, change(value))

    return place


def _started(keys: Raw, flag: str, value: Any) -> None:
    """Start from the tokenizer of a run."""
    _at("init_from.model", {})(keys, flag, value)
    _at("init_from.part", {})(keys, flag, "tokenizer")


def _stage(keys: Raw, flag: str, value: Any) -> None:
    _at("method.stage", {})(keys, flag, "decoder" if _switched(value, flag) else "proxy")


_NET = "method.net.net"
TITOK_KEYS: Mapping[str, Place] = {
    "experiment.init_weight": _started,
    "experiment.output_dir": _instead("name the folder with -o"),
    "experiment.save_every": _in("train.checkpoint_every"),
    "experiment.log_every": _in("train.log_every"),
    "experiment.eval_every": _instead("train.validate_every counts epochs"),
    "experiment.resume": _instead("give --resume"),
    "model.vq_model.codebook_size": _in(f"{_NET}.quantizer.codes"),
    "model.vq_model.token_size": _in(f"{_NET}.quantizer.dim"),
    "model.vq_model.use_l2_norm": _in(f"{_NET}.quantizer.l2_norm"),
    "model.vq_model.commitment_cost": _in(f"{_NET}.quantizer.commitment"),
    "model.vq_model.vit_enc_model_size": _in(f"{_NET}.encoder"),
    "model.vq_model.vit_dec_model_size": _in(f"{_NET}.decoder"),
    "model.vq_model.vit_enc_patch_size": _in(f"{_NET}.patch", lambda side: [side, side]),
    "model.vq_model.num_latent_tokens": _in(f"{_NET}.latents"),
    "model.vq_model.finetune_decoder": _stage,
    "model.vq_model.quantize_mode": _only("vq", "for continuous tokens take method.name=vae"),
    "losses.quantizer_weight": _in("method.quantizer_weight"),
    "losses.reconstruction_weight": _in("method.loss.l2"),
    "losses.perceptual_weight": _in("method.loss.perceptual.weight"),
    "losses.perceptual_loss": _instead("name a model with method.loss.perceptual.model"),
    "losses.discriminator_start": _in("method.loss.adversarial.start"),
    "losses.discriminator_weight": _in("method.loss.adversarial.weight"),
    "losses.lecam_regularization_weight": _in("method.loss.adversarial.lecam"),
    "dataset.preprocessing.crop_size": _in("example.size", lambda side: [side, side]),
    "dataset.params.train_shards_path_or_url": _in("data.manifest"),
    "optimizer.params.learning_rate": _in("train.optimizer.lr"),
    "optimizer.params.weight_decay": _in("train.optimizer.weight_decay"),
    "lr_scheduler.params.warmup_steps": _in("train.schedule.warmup_steps"),
    "training.per_gpu_batch_size": _instead("give batch, of all processes together"),
    "training.gradient_accumulation_steps": _in("train.accumulate"),
    "training.max_train_steps": _all_steps,
    "training.max_grad_norm": _in("train.clip_norm"),
    "training.seed": _in("train.seed"),
}
"""Key of TiTok's code -> what it does to the keys."""
