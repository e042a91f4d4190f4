"""A trained model as a folder of named parts: `config.json`, one `PART.safetensors` each, and files of its task.

The input contract (`preprocessor.json`) is written and read by `vesalius.transforms.contract`, the card by `card`.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from vesalius import __version__
from vesalius.arguments import checked
from vesalius.config import Config
from vesalius.errors import CorruptFileError, InputError, OutputError, UsageError, VesaliusError
from vesalius.files import regular, sha256
from vesalius.memory import check_memory
from vesalius.nets.net import AnyNet, Net, build
from vesalius.weights.place import locate

CONFIG = "config.json"
NET, ENCODER, HEAD, TOKENIZER = "net", "encoder", "head", "tokenizer"
"""Usual names of parts: the only network of a model, its encoder and head, or its tokenizer."""
PartName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")]
_AGAIN = "get the model folder again"


class PartConfig(Config):
    """One part of a model."""

    net: AnyNet = Field(description="network of the part")


class ModelConfig(Config):
    """Content of `config.json`."""

    task: str = Field(description="job that the model does")
    parts: dict[PartName, PartConfig] = Field(min_length=1, description="networks by name")
    settings: dict[str, Any] = Field(default={}, description="what else the task needs to use it")
    vesalius: str = Field(default=__version__, description="version that wrote it")

    @classmethod
    def of(cls, task: str, nets: Mapping[str, Net], settings: Config | Mapping[str, Any] | None = None) -> ModelConfig:
        """Describe a model of these networks, e.g. {"encoder": ..., "head": ...}."""
        values = settings.model_dump(mode="json") if isinstance(settings, Config) else dict(settings or {})
        parts = {name: PartConfig(net=net) for name, net in nets.items()}
        return cls(task=task, parts=parts, settings=values)


@dataclass(frozen=True)
class Part:
    """One network of a loaded model, in eval mode on the CPU; `digest` is the SHA-256 of its weights file `path`."""

    config: Net
    net: nn.Module
    path: Path
    digest: str


@dataclass(frozen=True)
class Pretrained:
    """A loaded model: its folder, its configuration and the loaded networks by name."""

    folder: Path
    config: ModelConfig
    parts: Mapping[str, Part]

    @property
    def digest(self) -> str:
        """`digest_of` the folder: of the weights of all parts, loaded or not."""
        return digest_of(self.folder)

    @property
    def net(self) -> nn.Module:
        """The network of a model of one part.

        Raises:
            UsageError: the model has several parts.
        """
        if len(self.parts) != 1:
            raise UsageError(f"has several parts ({', '.join(self.parts)})", where=self.folder, fix="name one of them")
        return next(iter(self.parts.values())).net


def save_pretrained(
    folder: Path,
    parts: Mapping[str, nn.Module | Part],
    config: ModelConfig,
    dtype: torch.dtype | None = None,
) -> None:
    """Write a model into an existing folder; tensors that share memory are written once each under their own names.

    Args:
        folder: the model folder.
        parts: a module, or a loaded part whose file is taken unchanged (see `_share`), for each name of `config.parts`.
        config: content of `config.json`.
        dtype: of the floating numbers of modules in the file, e.g. bfloat16 to halve it (loaded, they are float32
            again, rounded); None: as they are.

    Raises:
        OutputError: cannot be written.
    """
    if set(parts) != set(config.parts):
        raise ValueError(f"{sorted(parts)} are not the parts {sorted(config.parts)} of the configuration")
    (folder / CONFIG).write_text(config.model_dump_json(indent=1) + "\n", encoding="utf-8")
    for name, part in parts.items():
        path = weights_path(folder, name)
        if isinstance(part, Part):
            if part.path.resolve() != path.resolve():
                path.unlink(missing_ok=True)
                _share(part.path.resolve(), path)
        else:
            path.unlink(missing_ok=True)  # another folder may share the file
            _save(part, path, dtype)
            path.chmod((folder / CONFIG).stat().st_mode)  # safetensors lets only the owner read it


@checked
def from_pretrained(name: str | Path, task: str | None = None, only: str | None = None) -> Pretrained:
    """Load a model from this machine.

    Args:
        name: a model folder, a run folder, or a name of the zoo.
        task: job that the model must be for; None: any.
        only: part to load; None: all.

    Raises:
        InputError: no such model, one for another job, or one without that part.
        CorruptFileError: it is damaged, or its weights do not fit its networks.
    """
    folder = locate(name)
    config = read_config(folder)
    if task is not None and config.task != task:
        what = f"is a model for {config.task}, not for {task}"
        raise InputError(what, where=folder, fix=f"name a model that was trained for {task}")
    if only is not None and only not in config.parts:
        raise InputError(f"has no part called {only}, only {', '.join(config.parts)}", where=folder)
    wanted = config.parts if only is None else {only: config.parts[only]}
    parts = {name: _load(folder, name, part.net) for name, part in wanted.items()}
    return Pretrained(folder, config, parts)


def read_config(folder: Path) -> ModelConfig:
    """Read `config.json` of a model folder.

    Raises:
        InputError: unreadable, of an unknown kind, or of the form before models had parts.
    """
    path = folder / CONFIG
    try:
        raw = json.loads(regular(path).read_text(encoding="utf-8"))
        if not isinstance(raw, dict):
            raise ValueError("is not a table")
    except (OSError, ValueError, RecursionError) as error:
        raise InputError("is not a readable model configuration", where=path, fix="name a model folder") from error
    if "net" in raw and "parts" not in raw:
        command = "vesalius weights import FOLDER/model.safetensors --layout vesalius -o NEW name=NET SIZES"
        fix = f"train it again, or run `{command}`"
        raise InputError("is a model folder of the old form, without named parts", where=folder, fix=fix)
    try:
        return ModelConfig.parse(raw, where=path)
    except VesaliusError as error:
        raise InputError(f"cannot be used: {error}", where=folder) from error


def weights_path(folder: Path, part: str) -> Path:
    """Return the weights file of a part of a model folder."""
    return folder / f"{part}.safetensors"


def digest_of(folder: Path) -> str:
    """Return the SHA-256 of the weights of a model folder: of the files of all parts, one after another by name.

    Raises:
        InputError: the folder's configuration cannot be read.
        CorruptFileError: a weights file is missing.
    """
    paths = [weights_path(folder, part) for part in sorted(read_config(folder).parts)]
    with _readable(folder):
        return sha256(*paths)


def _load(folder: Path, name: str, config: Net) -> Part:
    path = weights_path(folder, name)
    net = build(config, folder / CONFIG, numbers=_numbers(path))
    with _readable(path):
        check_memory(2 * path.stat().st_size, path)
        tensors = load_file(regular(path))
    try:
        net.load_state_dict(tensors)
    except RuntimeError as error:
        raise CorruptFileError("does not hold the tensors of its network", where=path, fix=_AGAIN) from error
    return Part(config, net.eval(), path, sha256(path))


def _save(net: nn.Module, path: Path, dtype: torch.dtype | None) -> None:
    tensors = {key: value.detach().cpu().contiguous().clone() for key, value in net.state_dict().items()}
    if dtype is not None:
        tensors = {key: value.to(dtype) if value.is_floating_point() else value for key, value in tensors.items()}
    try:
        save_file(tensors, path, {"format": "pt"})
    except SafetensorError as error:  # it reports a full disk as an error of its own kind
        raise OutputError("cannot be written (the disk is full or failed)", where=path, fix="make room") from error


def _share(source: Path, path: Path) -> None:
    """Make a frozen part one file under two names, a hard link; a copy where the file system gives no link.

    Runs with one encoder so keep it once, while each model folder is whole: it can be moved, copied, packed and removed
    like any other. The file is never written again; jobs that need it as it was compare its digest when they load it.
    """
    try:
        os.link(regular(source), path)
    except OSError:  # another disk, a file of another user, a file system without links, too many of them
        shutil.copyfile(regular(source), path)


def _numbers(path: Path) -> int:
    """Count the numbers that a weights file holds, from its header."""
    with _readable(path), safe_open(regular(path), framework="pt") as file:
        return sum(math.prod(file.get_slice(key).get_shape()) for key in file.keys())  # noqa: SIM118 - no mapping


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise CorruptFileError("is missing from the model folder", where=error.filename or path, fix=_AGAIN) from error
    except (OSError, SafetensorError, ValueError) as error:
        raise CorruptFileError("is not a readable weights file", where=path, fix=_AGAIN) from error
