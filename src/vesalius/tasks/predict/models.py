"""Which arguments of `vesalius predict` are models, and which are inputs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from vesalius.errors import UsageError, VesaliusError
from vesalius.files import regular
from vesalius.weights.place import locate


def models_first(first: str, rest: Sequence[Path]) -> tuple[list[str], list[Path]]:
    """Return the models, and the inputs that follow them: `first` is a model, and so is what follows it and is one.

    Args:
        first: a zoo name, a model folder or a run folder.
        rest: the other arguments, in their order.

    Raises:
        UsageError: nothing but models was given.
    """
    count = next((n for n, path in enumerate(rest) if not is_model(path)), len(rest))
    if rest and count == len(rest):
        raise UsageError("is a model, and no input follows", where=rest[-1], fix="name scans after the models")
    return [first, *map(Path.as_posix, rest[:count])], list(rest[count:])


def is_model(path: Path) -> bool:
    """Whether a path names a model; a folder that is there is one only if it holds one.

    Example:
        >>> is_model(Path("segment/cine_unet")), is_model(Path("scan.nii.gz"))
        (True, False)
    """
    try:
        folder = locate(path)
        config = json.loads(regular(folder / "config.json").read_text(encoding="utf-8"))
    except (VesaliusError, OSError, ValueError, RecursionError):
        return False
    belongs = not path.exists() or path in (folder, folder.parent)
    return belongs and isinstance(config, dict) and "parts" in config
