"""The keys of every job's configuration, known without importing a net: for early errors, hints and completion.

`keys.json` beside this file holds them, because the classes of the configurations import torch. A test compares the
two; `python -m vesalius.tasks.train.keys` writes the file again after a key was added.
"""

from __future__ import annotations

import json
import types
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias, Union, get_args, get_origin

from vesalius.files import regular
from vesalius.named import Table

Tree: TypeAlias = "Mapping[str, Tree | str | None]"
"""Key -> keys of its block, PATH, NEEDED, MODEL, or None: any other value, or a block whose keys depend on a name."""
PATH, NEEDED, MODEL = "path", "needed path", "model"
"""A file or folder; the same without a default; a model."""
_FILE = Path(__file__).with_suffix(".json")
_MODELS = ("encoder", "init_from.model")
"""Dotted ends of the keys that name a model."""
_OUTPUTS = ("cache",)
"""Paths that need not exist."""


@cache
def keys_of(task: str) -> Tree | None:
    """Return the keys of a job's configuration; None for a job that does not come with the package.

    Example:
        >>> sorted(keys_of("detect")["loss"])
        ['most_weight', 'slices']
    """
    tree: Tree | None = json.loads(regular(_FILE).read_text(encoding="utf-8")).get(task)
    return tree


def dotted(tree: Tree, above: str = "") -> Iterator[str]:
    """Yield the keys of a tree that take a value, dotted.

    Example:
        >>> list(dotted({"train": {"epochs": None}, "batch": None}))
        ['train.epochs', 'batch']
    """
    for name, below in tree.items():
        if isinstance(below, Mapping):
            yield from dotted(below, f"{above}{name}.")
        else:
            yield above + name


def tree_of(config: type[Any], above: str = "") -> Tree:
    """Return the keys of a configuration class, block by block."""
    fields = config.model_fields.items()
    return {name: _below(field.annotation, f"{above}{name}", needed=field.is_required()) for name, field in fields}


def _below(kind: Any, key: str, *, needed: bool) -> Tree | str | None:
    from vesalius.config import Config, Named

    kinds = set(get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)) - {type(None)}
    blocks = [item for item in kinds if isinstance(item, type) and issubclass(item, Config)]
    if len(kinds) == 1 and blocks and not issubclass(blocks[0], Named):
        return tree_of(blocks[0], f"{key}.")
    if key.endswith(_MODELS):
        return MODEL
    if kinds not in ({Path}, {tuple[Path, ...]}) or key.endswith(_OUTPUTS):
        return None
    return NEEDED if needed else PATH


def all_trees(jobs: Table) -> dict[str, Tree]:
    """Return job -> keys, from the classes of the jobs (imports torch)."""
    return {name: tree_of(jobs.get(name).Config) for name in sorted(jobs)}


if __name__ == "__main__":
    from vesalius.tasks.train.jobs import JOBS

    _FILE.write_text(json.dumps(all_trees(JOBS), indent=1) + "\n", encoding="utf-8")
