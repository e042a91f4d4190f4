"""Checks of models, inputs and configurations before torch is imported: a wrong path or key costs no waiting.

They repeat what the verbs check themselves, which stays the authority: what is not known here passes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vesalius.config import misspelt, overridden, read_table
from vesalius.errors import ConfigError, InputError, VesaliusError
from vesalius.output import refuse_existing
from vesalius.tasks.train.jobs import find_config
from vesalius.tasks.train.keys import MODEL, NEEDED, Tree, keys_of
from vesalius.tasks.train.seed_keys.convert import with_seed_keys
from vesalius.weights.place import locate

_FILLED_IN = "{"
"""Begins what the cells of an evaluation fill in, e.g. {fold}."""


def check_there(*paths: str | Path | None) -> None:
    """Raise InputError for a path that does not exist; None passes.

    Example:
        >>> check_there(None, Path.cwd())
    """
    for path in paths:
        if path is not None and not Path(path).exists():
            raise InputError("no such file or folder", where=path)


def check_model(*names: str | Path | None) -> None:
    """Raise InputError for a name that is neither a model folder, a run nor a model of the zoo; None passes."""
    for name in names:
        if name is not None:
            locate(name)


def check_settings(config: str | Path | None) -> None:
    """Raise InputError where a configuration is neither a file nor comes with the package; None passes."""
    if config is not None:
        find_config(config)


def check_any_there(paths: Sequence[Path]) -> None:
    """Raise InputError where none of several paths exists; one that is missing is listed by the verb itself."""
    if paths and not any(path.exists() for path in paths):
        check_there(paths[0])


def check_free(output: Path | None, *, force: bool) -> None:
    """Raise OutputError where the folder that a verb makes exists."""
    if output is not None:
        refuse_existing(output, force=force)


def check_run(config: str | Path, overrides: Sequence[str]) -> None:
    """Check the keys of a run's configuration, and the files and models that it names.

    Args:
        config: a file, or the name of a configuration that comes with the package.
        overrides: "a.b=value".

    Raises:
        ConfigError: a wrong key, or a value that is not YAML.
        InputError: no such configuration, file or model.
    """
    raw = read_table(find_config(config))
    named = [word.removeprefix("task=") for word in overrides if word.startswith("task=")]
    keys, words = with_seed_keys(raw | ({"task": named[-1]} if named else {}), overrides)
    tree = keys_of(str(keys.get("task")))
    if tree is None:
        return
    for key, kind, value in list(_leaves(overridden(keys, words), tree, str(config))):  # all keys before any path
        if kind == NEEDED and value is None:
            raise ConfigError("is required and missing", where=f"{config}: {key}", fix=f"write {key}=PATH")
        for name in value if isinstance(value, list | tuple) else (value,):
            if isinstance(name, str) and _FILLED_IN not in name:
                _check_named(key, kind, name)


def _check_named(key: str, kind: str, name: str) -> None:
    try:
        if kind == MODEL:
            locate(name)
        else:
            check_there(name)
    except VesaliusError as error:
        raise type(error)(error.what, where=error.where, fix=error.fix or f"write {key}=PATH") from error


def _leaves(
    given: Mapping[str, Any], tree: Tree, where: str, above: tuple[str, ...] = ()
) -> Iterator[tuple[str, str, Any]]:
    """Yield dotted key, kind and value of the paths and models in a configuration.

    Raises:
        ConfigError: a key that the tree does not have.
    """
    for name, value in given.items():
        key = (*above, str(name))
        if name not in tree:
            raise misspelt(key, tree, where)
        below = tree[name]
        if isinstance(below, Mapping):
            if isinstance(value, Mapping):
                yield from _leaves(value, below, where, key)
            elif key == ("init_from",):
                yield "init_from", MODEL, value
        elif below is not None:
            yield ".".join(key), below, value
    yield from ((".".join((*above, name)), NEEDED, None) for name in tree if tree[name] == NEEDED and name not in given)
