"""The configuration of a network: a name, its sizes, and `make`."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import isabstract
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias, TypeVar

import torch
from pydantic import BeforeValidator, SerializeAsAny
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from vesalius.config import Named
from vesalius.errors import CorruptFileError, InputError
from vesalius.memory import check_memory
from vesalius.nets.table import NETS

ModuleT = TypeVar("ModuleT", bound=nn.Module)
_DECLARED = ("dims", "inputs", "outputs", "divisor")


class Net(Named, ABC):
    """Sizes of a network. Two equal configurations build networks with equal tensor names and shapes.

    A subclass declares four of them, each as a field, a property or a class variable: `dims`, spatial axes of the
    input, 2 or 3; `inputs`, channels (or width) of the input; `outputs`, classes; `divisor`, whose multiples the axes
    of the input must be. None stands for what a network does not have, 1 for a free side.
    """

    table = NETS
    takes_missing: ClassVar[bool] = False
    """Whether a channel that is NaN is a missing image."""

    if TYPE_CHECKING:  # a class attribute here would shadow the fields of subclasses

        @property
        @abstractmethod
        def dims(self) -> int | None: ...
        @property
        @abstractmethod
        def inputs(self) -> int | None: ...
        @property
        @abstractmethod
        def outputs(self) -> int | None: ...
        @property
        @abstractmethod
        def divisor(self) -> int: ...

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        missing = [name for name in _DECLARED if name not in cls.model_fields and not hasattr(cls, name)]
        if missing and not isabstract(cls):
            raise TypeError(f"{cls.__name__} declares no {', '.join(missing)}")

    @property
    def divisors(self) -> tuple[int, ...]:
        """What each axis of the input must be a multiple of: `divisor`, unless the axes differ."""
        return (self.divisor,) * (self.dims or 0)

    @property
    def frames_last(self) -> bool:
        """Whether the last axis counts frames, whose number is free."""
        return self.divisors[-1:] == (1,) and self.divisor > 1

    @abstractmethod
    def make(self) -> nn.Module:
        """Return the network, freshly initialized from PyTorch's global generator."""


_NUMBER_BYTES = 4
_SLACK = 2, 1 << 20
"""A net under construction may hold this many times its numbers, and so many more, before it counts as too large:
some layers replace parameters that they have just made. Whether it fits exactly shows when the weights are loaded."""


def build(config: Net, where: str | Path | None = None, *, numbers: int | None = None) -> nn.Module:
    """Build the network of an untrusted configuration; its size is checked while it is built.

    Args:
        config: sizes of the network.
        where: the file that states them, for errors.
        numbers: how many numbers the weights file holds; None: as many as memory allows.

    Raises:
        InputError: the network needs too much memory, or the sizes do not make a network.
        CorruptFileError: the network is far larger than its weights.
    """
    try:
        with _watched(where, numbers):
            return config.make()
    except (RuntimeError, OverflowError, MemoryError, ValueError, TypeError) as error:
        lines = str(error).strip().splitlines()
        reason = (lines[0] if lines else type(error).__name__)[:160]
        raise InputError(f"makes no network ({reason})", where=where, fix="change the sizes of the network") from error


@contextmanager
def _watched(where: str | Path | None, numbers: int | None) -> Iterator[None]:
    """Count the parameters that this thread registers, before they are initialized: until then they take no memory."""
    thread, count = threading.get_ident(), 0

    def count_numbers(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:  # noqa: ARG001
        nonlocal count
        if parameter is None or threading.get_ident() != thread:
            return
        count += parameter.numel()
        check_memory(count * _NUMBER_BYTES, where)
        if numbers is not None and count > _SLACK[0] * numbers + _SLACK[1]:
            what = f"asks for a network larger than its weights, which are {numbers} numbers"
            raise CorruptFileError(what, where=where, fix="get the model folder again")

    handle = register_module_parameter_registration_hook(count_numbers)
    try:
        yield
    finally:
        handle.remove()


AnyNet: TypeAlias = Annotated[SerializeAsAny[Net], BeforeValidator(Net.read)]
"""A field of a configuration that holds a network or its table."""


_LEAST_STRIDED = 16
"""Channels that a strided 1 x 1 convolution takes at least where its layout may change."""


def channels_last(net: ModuleT) -> ModuleT:
    """Lay out the weights of a net for pictures as oneDNN and cuDNN convolve fastest (volumes gain nothing).

    Nets in which a strided 1 x 1 convolution takes fewer than 16 channels stay as they are: on CPUs, oneDNN writes past
    its workspace in their backward pass (uxlfoundation/oneDNN issue 6035), and the process ends or gradients are wrong.
    """
    narrow = any(
        isinstance(module, nn.Conv2d)
        and module.kernel_size == (1, 1)
        and max(module.stride) > 1
        and module.in_channels // module.groups < _LEAST_STRIDED
        for module in net.modules()
    )
    return net if narrow else net.to(memory_format=torch.channels_last)
