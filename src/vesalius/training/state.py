"""The full state of a run in one file, so that replacing it is one step of the file system.

Tensors are named "module/NAME/KEY", "optimizer/NAME/INDEX/KEY", "average/KEY", "extra/KEY"; numbers stand as JSON in
the header. There is no pickle.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from vesalius.errors import CorruptFileError
from vesalius.files import regular
from vesalius.memory import check_memory
from vesalius.output import new_file
from vesalius.training.task import bare

STATE = "state.safetensors"
_HEADER = "vesalius"
_AGAIN = "start a new run folder"


@dataclass
class State:
    """Tensors by name, and numbers (step, best value, ...: anything that JSON holds) from which a run is resumed."""

    tensors: dict[str, Tensor]
    numbers: dict[str, Any]


def gather(
    modules: Mapping[str, nn.Module],
    optimizers: Mapping[str, Optimizer],
    averages: Mapping[str, Tensor],
    extra: Mapping[str, Tensor],
    numbers: dict[str, Any],
) -> State:
    """Collect the state of everything that changes."""
    tensors: dict[str, Tensor] = {}
    scalars: dict[str, Any] = {}
    for name, module in modules.items():
        tensors |= {f"module/{name}/{key}": value for key, value in bare(module).state_dict().items()}
    for name, optimizer in optimizers.items():
        for index, entry in optimizer.state_dict()["state"].items():
            for key, value in entry.items():
                place = f"optimizer/{name}/{index}/{key}"
                if isinstance(value, Tensor):
                    tensors[place] = value
                else:
                    scalars[place] = value
    tensors |= {f"average/{key}": value for key, value in averages.items()}
    tensors |= {f"extra/{key}": value for key, value in extra.items()}
    return State(tensors, {**numbers, "scalars": scalars})


def restore(state: State, modules: Mapping[str, nn.Module], optimizers: Mapping[str, Optimizer]) -> None:
    """Put a state back into modules and optimizers.

    Raises:
        CorruptFileError: a tensor is missing, too many or of another shape.
    """
    try:
        for name, module in modules.items():
            bare(module).load_state_dict(part(state.tensors, f"module/{name}/"))
        for name, optimizer in optimizers.items():
            whole = optimizer.state_dict()
            entries: dict[int, dict[str, Any]] = {}
            prefix = f"optimizer/{name}/"
            values = part(state.tensors, prefix) | part(state.numbers.get("scalars", {}), prefix)
            for key, value in values.items():
                index, _, word = key.partition("/")
                entries.setdefault(int(index), {})[word] = value
            optimizer.load_state_dict({"state": entries, "param_groups": whole["param_groups"]})
    except (KeyError, RuntimeError, ValueError) as error:
        raise CorruptFileError("does not fit the modules of this run", where=STATE, fix=_AGAIN) from error


def part(table: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Return the entries whose names begin with `prefix`, by the rest of their names."""
    return {key.removeprefix(prefix): value for key, value in table.items() if key.startswith(prefix)}


def save_state(state: State, folder: Path) -> None:
    """Write the state, in place of an older one.

    Raises:
        OutputError: cannot be written; the older one stays.
    """
    header = {_HEADER: json.dumps(state.numbers, sort_keys=True)}
    tensors = {key: value.detach().cpu().contiguous().clone() for key, value in state.tensors.items()}
    with new_file(folder / STATE, force=True) as path:
        try:
            save_file(tensors, path, header)
        except SafetensorError as error:  # it reports a full disk as an error of its own kind
            raise OSError(errno.EIO, "the disk is full or failed") from error


def load_state(folder: Path) -> State:
    """Read a state.

    Raises:
        CorruptFileError: missing or damaged.
    """
    path = folder / STATE
    try:
        check_memory(2 * path.stat().st_size, path)
        with safe_open(regular(path), framework="pt", device="cpu") as file:
            numbers = json.loads((file.metadata() or {})[_HEADER])
            tensors = {key: file.get_tensor(key) for key in list(file.keys())}
    except (OSError, SafetensorError, KeyError, ValueError, RecursionError) as error:
        raise CorruptFileError("holds no readable state", where=path, fix=_AGAIN) from error
    return State(tensors, numbers)
