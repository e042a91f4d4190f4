"""What a network's configuration is: a name, its sizes, and `make`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, TypeAlias

import torch
from pydantic import BeforeValidator, SerializeAsAny
from torch import nn

from vesalius.named import Named
from vesalius.nets.table import NETS


class Net(Named, ABC):
    """Sizes of a network. Two equal configurations build networks with equal tensor names and shapes."""

    table = NETS

    @abstractmethod
    def make(self) -> nn.Module:
        """The network, freshly initialized from PyTorch's global generator."""


AnyNet: TypeAlias = Annotated[SerializeAsAny[Net], BeforeValidator(NETS.reader())]
"""A field of a configuration that holds a network or its table."""


def channels_last(net: nn.Module) -> nn.Module:
    """A net for pictures with its weights laid out as oneDNN and cuDNN convolve fastest (volumes gain nothing)."""
    return net.to(memory_format=torch.channels_last)
