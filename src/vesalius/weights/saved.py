"""A trained model as a folder: `config.json`, `model.safetensors`, and what its task puts beside them.

The input contract (`preprocessor.json`) is written and read by `vesalius.transforms.contract`, the card by `card`.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from vesalius import __version__
from vesalius.config import Config
from vesalius.errors import CorruptFileError, InputError, OutputError, VesaliusError
from vesalius.files import regular
from vesalius.memory import check_memory
from vesalius.nets.net import AnyNet, build
from vesalius.weights.place import locate

CONFIG, WEIGHTS = "config.json", "model.safetensors"


class ModelConfig(Config):
    """What `config.json` says.

    Args:
        task: which job the model does, e.g. "segment".
        net: its network.
        settings: what else the task needs to use it.
        vesalius: version that wrote it.
    """

    task: str = Field(description="job that the model does")
    net: AnyNet = Field(description="the network")
    settings: dict[str, Any] = Field(default={}, description="what else the task needs to use it")
    vesalius: str = Field(default=__version__, description="version that wrote it")


@dataclass(frozen=True)
class Pretrained:
    """A model that was loaded.

    Args:
        folder: where it lies.
        config: task, network, settings.
        net: with its weights, in eval mode, on the CPU.
        digest: 64 hexadecimal digits of the weights file.
    """

    folder: Path
    config: ModelConfig
    net: nn.Module
    digest: str


def save_pretrained(folder: Path, net: nn.Module, config: ModelConfig, dtype: torch.dtype | None = None) -> None:
    """Write a model into an existing folder; tensors that share memory are written once each under their own names.

    Args:
        folder: where to.
        net: its weights.
        config: what `config.json` says.
        dtype: of the floating numbers in the file, e.g. bfloat16 to halve it (loaded, they are float32 again, rounded);
            None: as they are.

    Raises:
        OutputError: cannot be written.
    """
    tensors = {key: value.detach().cpu().contiguous().clone() for key, value in net.state_dict().items()}
    if dtype is not None:
        tensors = {key: value.to(dtype) if value.is_floating_point() else value for key, value in tensors.items()}
    try:
        save_file(tensors, folder / WEIGHTS, {"format": "pt"})
    except SafetensorError as error:  # it reports a full disk as an error of its own kind
        what = "cannot be written (the disk is full or failed)"
        raise OutputError(what, where=folder / WEIGHTS, fix="make room") from error
    (folder / CONFIG).write_text(config.model_dump_json(indent=1) + "\n", encoding="utf-8")
    (folder / WEIGHTS).chmod((folder / CONFIG).stat().st_mode)  # safetensors gives it to its owner alone


def from_pretrained(name: str | Path, task: str | None = None) -> Pretrained:
    """Load a model; nothing is fetched from anywhere.

    Args:
        name: a model folder, a run folder, or a name of the zoo.
        task: the job that it must do; None: any.

    Raises:
        InputError: no such model, or one for another job.
        CorruptFileError: it is damaged, or its weights do not fit its network.
    """
    folder = locate(name)
    config = read_config(folder)
    if task is not None and config.task != task:
        raise InputError(f"is a model for {config.task}, not for {task}", where=folder)
    net = build(config.net, folder / CONFIG, numbers=_numbers(folder / WEIGHTS))
    tensors = _tensors(folder / WEIGHTS)
    try:
        net.load_state_dict(tensors)
    except RuntimeError as error:
        raise CorruptFileError(
            "does not hold the tensors of its network", where=folder / WEIGHTS, fix="get the model folder anew"
        ) from error
    return Pretrained(folder, config, net.eval(), digest_of(folder))


def read_config(folder: Path) -> ModelConfig:
    """`config.json` of a model folder.

    Raises:
        InputError: unreadable or of an unknown kind.
    """
    path = folder / CONFIG
    try:
        raw = json.loads(regular(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError("is no readable model configuration", where=path, fix="name a model folder") from error
    if not isinstance(raw, dict):
        raise InputError("is no readable model configuration", where=path, fix="name a model folder")
    try:
        return ModelConfig.parse(raw, where=path)
    except VesaliusError as error:
        raise InputError(f"cannot be used: {error}", where=folder) from error


def digest_of(folder: Path) -> str:
    """64 hexadecimal digits of the weights file of a model folder."""
    with regular(folder / WEIGHTS).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _numbers(path: Path) -> int:
    """How many numbers a weights file holds, from its header."""
    with _readable(path), safe_open(regular(path), framework="pt") as file:
        return sum(math.prod(file.get_slice(key).get_shape()) for key in file.keys())  # noqa: SIM118 - no mapping


def _tensors(path: Path) -> dict[str, Tensor]:
    with _readable(path):
        check_memory(2 * path.stat().st_size, path)
        return load_file(regular(path))


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, SafetensorError, ValueError) as error:
        raise CorruptFileError("is no readable weights file", where=path, fix="get the model folder anew") from error
