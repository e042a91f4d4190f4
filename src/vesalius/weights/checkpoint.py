"""Read files of weights that others wrote; no code in them is ever run."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vesalius.errors import InputError
from vesalius.files import regular, sha256
from vesalius.memory import check_archive, check_memory
from vesalius.weights.tensor_bundle import read_bundle

_HUB = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
_SAVED_MODEL = "variables/variables.index"
"""Files of a folder of the hub's form, and of a SavedModel of TensorFlow; the first that exists is read."""
_INDEX = ".index.json"
_BUNDLE = ".index"


@dataclass(frozen=True)
class Checkpoint:
    """A file of weights, or several that belong together.

    Args:
        tensors: names to tensors, perhaps in tables of tables.
        files: path and SHA-256 of each.
    """

    tensors: Mapping[str, Any]
    files: tuple[tuple[Path, str], ...]


def read_checkpoint(path: Path) -> Checkpoint:
    """Read `.safetensors`, a PyTorch file, `.npz`, a folder of the hub's form (whole or in shards), or TensorFlow's.

    A PyTorch file is a pickle; only tensors and plain tables are taken from it. Of TensorFlow, a SavedModel's folder or
    the `.index` of a checkpoint is named; what it computes is not read, only its variables.

    Raises:
        InputError: unreadable, of an unknown kind, or a pickle that needs more than that.
    """
    files = _files(path)
    if files[0].suffix == _BUNDLE:
        variables, files = read_bundle(files[0])
        return Checkpoint(variables, tuple((file, sha256(file)) for file in files))
    tensors: dict[str, Any] = {}
    for file in files:
        check_memory(2 * file.stat().st_size, file)
        check_archive(file)
        if file.suffix not in _READERS:
            endings = ", ".join((*_READERS, _BUNDLE))
            raise InputError("is of an unknown kind", where=file, fix=f"name a file that ends in {endings}")
        for name, value in _READERS[file.suffix](file).items():
            if name in tensors:
                raise InputError(f"holds {name}, as another shard does", where=file, fix="get the shards again")
            tensors[name] = value
    if not tensors:
        raise InputError("holds no tensor", where=path, fix="name another file")
    return Checkpoint(tensors, tuple((file, sha256(file)) for file in files))


def _files(path: Path) -> list[Path]:
    if not regular(path).exists():
        raise InputError("no such file or folder", where=path)
    if path.is_dir():
        path = _in_folder(path)
    if not path.name.endswith(_INDEX):
        return [path]
    try:
        names = sorted(set(json.loads(regular(path).read_text(encoding="utf-8"))["weight_map"].values()))
        shards = [path.parent / name for name in names]
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise InputError("is no readable index of shards", where=path, fix="get the folder again") from error
    for name, shard in zip(names, shards, strict=True):
        if Path(name).name != name or not regular(shard).is_file():
            raise InputError(f"names the shard {name}, which is not beside it", where=path, fix="get the folder again")
    return shards


def _in_folder(folder: Path) -> Path:
    for name in (*_HUB, _SAVED_MODEL):
        if regular(folder / name).is_file():
            return folder / name
    weights = sorted(path for path in folder.iterdir() if path.suffix in _READERS)
    if len(weights) != 1:
        what = "holds no weights" if not weights else f"holds {len(weights)} files of weights"
        raise InputError(what, where=folder, fix="name the file")
    return regular(weights[0])


def _safetensors(path: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    try:
        return dict(load_file(regular(path)))
    except Exception as error:  # a damaged file raises anything
        raise InputError("is no readable safetensors file", where=path, fix="get it again") from error


def _npz(path: Path) -> dict[str, Any]:
    try:
        with np.load(regular(path), allow_pickle=False) as arrays:
            return {name: torch.from_numpy(np.array(arrays[name])) for name in arrays.files}
    except Exception as error:  # as above
        raise InputError("is no readable .npz file of plain arrays", where=path, fix="get it again") from error


def _pickle(path: Path) -> dict[str, Any]:
    try:
        with warnings.catch_warnings(action="ignore"):  # about pickle protocols
            raw = torch.load(regular(path), map_location="cpu", weights_only=True)
    except Exception as error:  # as above
        needs = re.search(r"Unsupported \w+: \w+ ([\w.]+)", str(error))
        if needs:
            what = f"cannot be read without running what is in it ({needs[1]})"
            fix = "turn it into .safetensors where you trust it, or get another file"
            raise InputError(what, where=path, fix=fix) from error
        raise InputError("is no readable PyTorch file", where=path, fix="get it again") from error
    if isinstance(raw, Tensor) or not isinstance(raw, Mapping):
        raise InputError("holds no table of tensors", where=path, fix="name another file")
    return {str(name): value for name, value in raw.items()}


_READERS: dict[str, Callable[[Path], dict[str, Any]]] = {
    ".safetensors": _safetensors,
    ".npz": _npz,
    ".pt": _pickle,
    ".pth": _pickle,
    ".bin": _pickle,
    ".ckpt": _pickle,
}
