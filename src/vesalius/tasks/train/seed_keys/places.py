"""What a key of other code does to the keys of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vesalius.errors import ConfigError

Raw = dict[str, Any]
NAMED: Mapping[str, Raw] = {"method": {"name": "simclr"}, "net": {"name": "resnet"}}
"""Blocks that need a name, where the configuration has none."""

Place = Callable[[Raw, str, Any], None]
"""Puts the value of a flag into the keys of a run."""


def at(dotted: str, named: Mapping[str, Raw] = NAMED) -> Place:
    """The value at another place; a block that is not there yet begins with its name in `named`."""
    *path, last = dotted.split(".")

    def place(keys: Raw, flag: str, value: Any) -> None:
        del flag
        inner = keys
        for depth, name in enumerate(path, start=1):
            inner[name] = {**named.get(name, {}), **table(inner.get(name), ".".join(path[:depth]))}
            inner = inner[name]
        inner[last] = value

    return place


def table(held: Any, where: str) -> Mapping[str, Any]:
    """Return the table that a key holds; a model alone (`init_from: RUN`) gives way to that of the flag."""
    if held is None or (where == "init_from" and isinstance(held, str)):
        return {}
    if not isinstance(held, Mapping):
        raise ConfigError(f"{held!r} was given", where=where, fix="give a table of keys")
    return held


def word(dotted: str, words: Mapping[str, Any]) -> Place:
    """Another word at another place."""

    def place(keys: Raw, flag: str, value: Any) -> None:
        if not isinstance(value, str) or value not in words:
            raise ConfigError(f"{value!r} was given", where=flag, fix=f"choose one of {', '.join(words)}")
        at(dotted)(keys, flag, words[value])

    return place


def only(value_here: Any, why: str) -> Place:
    """What is always so here."""

    def place(keys: Raw, flag: str, value: Any) -> None:
        del keys
        if value != value_here:
            raise ConfigError(f"{value!r} was given: {why}", where=flag, fix="leave it out")

    return place


def instead(fix: str) -> Place:
    """What is said in another way here."""

    def place(keys: Raw, flag: str, value: Any) -> None:
        del keys, value
        raise ConfigError("no such key", where=flag, fix=fix)

    return place


def moved(dotted: str, change: Callable[[Any], Any] = lambda value: value) -> Place:
    """The value, changed, at a place of a configuration that has its blocks."""

    def place(keys: Raw, flag: str, value: Any) -> None:
        at(dotted, {})(keys, flag, change(value))

    return place


def nothing(keys: Raw, flag: str, value: Any) -> None:
    """What means nothing in this task."""
    del keys, flag, value


def switched(value: Any, flag: str) -> bool:
    """Return the value; raise ConfigError unless it is true or false."""
    if not isinstance(value, bool):
        raise ConfigError(f"{value!r} was given", where=flag, fix="choose one of true, false")
    return value


def all_steps(keys: Raw, flag: str, value: Any) -> None:
    """So many steps, whatever `train_epochs` says; 0 means that it decides. An epoch has a step or more."""
    if value != 0:
        at("train.max_steps")(keys, flag, value)
        at("train.epochs")(keys, flag, value)
