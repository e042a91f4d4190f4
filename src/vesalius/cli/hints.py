"""A hint for an option that does not exist: the key of a configuration that was probably meant."""

from __future__ import annotations

from collections.abc import Sequence

from vesalius.config import read_table
from vesalius.errors import VesaliusError
from vesalius.tasks.train.jobs import CONFIGS, find_config
from vesalius.tasks.train.keys import dotted, keys_of, tree_of

_OF_RUNS = ("train", "label-efficiency", "augmentation")
_ALSO = {
    "batch_size": "batch",
    "epoch": "epochs",
    "learning_rate": "lr",
    "max_epochs": "epochs",
    "num_epochs": "epochs",
    "num_workers": "workers",
    "wd": "weight_decay",
}
"""Usual names elsewhere -> ours."""


def hint(option: str, verb: str, arguments: Sequence[str]) -> str | None:
    """Return what to write instead of an unknown option, e.g. "write train.epochs=5"; None where no key has its name.

    Args:
        option: as it was typed, without its value.
        verb: last word of the command.
        arguments: the whole command line.

    Example:
        >>> hint("--epochs", "train", ["train", "segment/hippocampus", "--epochs", "5"])
        'write train.epochs=5'
    """
    name = option.lstrip("-").replace("-", "_")
    name = _ALSO.get(name, name)
    fitting = [key for key in _keys(verb, arguments) if key == name or key.endswith(f".{name}")]
    if not fitting:
        return None
    key = min(fitting, key=lambda key: (not key.startswith("train."), key.count("."), len(key)))
    return f"write {key}={_value(option, arguments)}"


def _value(option: str, arguments: Sequence[str]) -> str:
    for word, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
        if word == option:
            return following if following and not following.startswith("-") else "VALUE"
    return "VALUE"


def _keys(verb: str, arguments: Sequence[str]) -> list[str]:
    """The keys that a verb takes as key=VALUE."""
    if verb in _OF_RUNS:
        return list(dotted(keys_of(job_of(arguments)) or {}))
    if verb == "cine":
        from vesalius.phantom.cine.options import CineOptions

        return list(dotted(tree_of(CineOptions)))
    if verb == "head-ct":
        from vesalius.phantom.head_ct.options import HeadCtOptions

        return list(dotted(tree_of(HeadCtOptions)))
    return []


def job_of(arguments: Sequence[str]) -> str:
    """The job of the first argument that names a configuration; segmentation where none does."""
    for word in arguments:
        try:
            path = find_config(word)
            is_shipped = path.is_relative_to(CONFIGS)
            return word.partition("/")[0] if is_shipped else str(read_table(path).get("task"))
        except VesaliusError:
            continue
    return "segment"
