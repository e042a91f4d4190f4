"""The interface between a job and the loop: modules, optimizers, a loss for a batch, a validation.

A task is one object for one run. The loop calls `build` once, prepares the modules for the device and the processes,
puts them into `task.modules` and then calls the rest. Everything random in a task is drawn from names
(`vesalius.seeding`) or from PyTorch's global generator, which the loop seeds before every step: so a resumed run
draws the same numbers as the unbroken one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import torch
from accelerate.utils import gather_object
from torch import Tensor, nn

from vesalius.training.config import OptimizerConfig, ScheduleConfig

_T = TypeVar("_T")
Batch = Any
"""The argument of the task's `training_step`: tensors in dicts, lists, tuples."""
Losses = Mapping[str, Tensor]
"""optimizer name -> scalar loss."""
Logs = Mapping[str, Tensor | float]


@dataclass(frozen=True)
class Trained:
    """The modules of one optimizer.

    Args:
        modules: names among those of `Task.build`.
        optimizer: settings; None: those of the run.
        schedule: of the learning rate; None: that of the run.
        averaged: whether these modules take part in the averaged weights of the run (`train.ema_decay`).
    """

    modules: tuple[str, ...]
    optimizer: OptimizerConfig | None = None
    schedule: ScheduleConfig | None = None
    averaged: bool = True


@dataclass(frozen=True)
class Ranks:
    """This process among the processes of a run; divides the work of a validation.

    Args:
        rank: number of this process.
        world: number of processes.

    Example:
        >>> Ranks(1, 2).share(["a", "b", "c"])
        ['b']
        >>> Ranks().gathered([0.5, 0.25])
        [0.5, 0.25]
    """

    rank: int = 0
    world: int = 1

    def share(self, items: Sequence[_T]) -> list[_T]:
        """The items of this process: every `world`-th."""
        return list(items[self.rank :: self.world])

    def gathered(self, results: Sequence[_T]) -> list[_T]:
        """The results of all processes, one for each item of a shared list, in the order of that list."""
        if self.world == 1:
            return list(results)
        by_rank = gather_object([list(results)])
        return [row for rows in zip_longest(*by_rank, fillvalue=_NONE) for row in rows if row is not _NONE]


_NONE = object()


class Task(ABC):
    """The work of the loop. Subclasses define the abstract members; the others have a neutral default."""

    modules: dict[str, nn.Module]
    """Set by the loop after `build`: the modules on their device, wrapped where there are several processes."""
    ranks: Ranks = Ranks()
    """Set by the loop: this process among the others."""
    measures_untrained: ClassVar[bool] = False
    """Whether the loop validates once before the first step, for measures whose course matters."""

    @abstractmethod
    def build(self) -> dict[str, nn.Module]:
        """The modules by name, freshly initialized (the loop has seeded PyTorch) or loaded."""

    def frozen(self) -> dict[str, nn.Module]:
        """Modules that are used and never trained, e.g. an autoencoder below a diffusion model.

        Called after `build`. The loop puts them on the device in eval mode without gradients; they are part of neither
        states nor averages, and are not wrapped for several processes. Keep them outside the modules of `build`: inside
        one of those they would be stored, averaged and set to train mode together with it.
        """
        return {}

    def train_mode(self) -> None:
        """Called before each step; override to keep some modules in eval mode, e.g. frozen batch norms."""
        for module in self.modules.values():
            module.train()

    @abstractmethod
    def batches_per_epoch(self) -> int:
        """Number of batches of one epoch, the same on every rank."""

    def batch_size(self) -> int | None:
        """Samples of a batch, of all processes together; None: unknown, and no rate can scale with it."""
        return None

    @abstractmethod
    def batches(self, epoch: int, start: int, rank: int, world: int) -> Iterator[Batch]:
        """The batches of an epoch from number `start` on: this rank's equal share of each.

        The batches of all ranks together must be those of one process.
        """

    @abstractmethod
    def training_step(self, batch: Batch, step: int) -> tuple[Losses, Logs]:
        """Return a loss for every optimizer, and further numbers for the record.

        Losses are means over the batch. No graph may be shared between two losses; put a module that a loss passes
        through without training it into the context of `frozen` below.
        """

    def optimizers(self) -> dict[str, Trained]:
        """The modules of each optimizer; the default trains all modules with one optimizer called "net"."""
        return {"net": Trained(tuple(self.modules))}

    def named_parts(self, modules: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
        """The parts whose parameters are counted apart; the default: encoder and head where a net has both."""
        parts: dict[str, nn.Module] = {}
        for name, module in modules.items():
            children = dict(bare(module).named_children())
            pair = {"encoder", "head"}
            both = {child: children[child] for child in children if child in pair} if pair <= children.keys() else {}
            parts |= both or {name: bare(module)}
        return parts

    def validate(self, step: int) -> dict[str, float]:
        """Measures on held-out cases; modules are in eval mode (with averaged weights where the run keeps them).

        Called in every process, and must return the same measures in each: measure `ranks.share(cases)` and combine
        the results of all with `ranks.gathered`.
        """
        del step
        return {}

    def backward(self, losses: Losses, batch: Batch, step: int, backward: Callable[[Tensor], None]) -> None:
        """Fill the gradients. Override for gradient caching; `backward` scales for precision and accumulation."""
        del batch, step
        for loss in losses.values():
            backward(loss)

    def after_step(self, step: int) -> None:  # noqa: B027
        """Called after the optimizers: momentum teachers, dead codes."""

    def extra_state(self) -> dict[str, Tensor]:
        """Tensors besides parameters and buffers that a resumed run needs."""
        return {}

    def load_extra_state(self, state: dict[str, Tensor]) -> None:  # noqa: B027
        """The inverse of `extra_state`."""

    def export(self, folder: Path) -> None:  # noqa: B027
        """Write the trained model into a new folder; the modules hold the weights to be shipped."""


@contextmanager
def frozen(*modules: nn.Module) -> Iterator[None]:
    """Let losses pass through these modules without leaving gradients on their parameters."""
    switched = [p for module in modules for p in module.parameters() if p.requires_grad]
    for parameter in switched:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in switched:
            parameter.requires_grad_(True)


def bare(module: nn.Module) -> nn.Module:
    """Return the module without what the loop wrapped around it for several processes."""
    inner = getattr(module, "module", None)
    wrapped = isinstance(module, nn.parallel.DistributedDataParallel | nn.DataParallel)
    return inner if wrapped and isinstance(inner, nn.Module) else module


def parameters_of(modules: Mapping[str, nn.Module], names: tuple[str, ...]) -> list[tuple[str, nn.Parameter]]:
    """Return the named trainable parameters of some modules, each once."""
    trainable: dict[int, tuple[str, nn.Parameter]] = {}
    for name in names:
        for key, parameter in bare(modules[name]).named_parameters():
            if parameter.requires_grad:
                trainable.setdefault(id(parameter), (f"{name}.{key}", parameter))
    return list(trainable.values())


def mean_logs(logs: list[Logs]) -> dict[str, float]:
    """Means over micro-batches."""
    keys = dict.fromkeys(key for log in logs for key in log)
    values = {key: [float(torch.as_tensor(log[key]).detach()) for log in logs if key in log] for key in keys}
    return {key: sum(column) / len(column) for key, column in values.items()}
