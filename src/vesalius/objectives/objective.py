"""A loss that a configuration chooses by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from torch import Tensor

from vesalius.config import Named
from vesalius.named import Table

OBJECTIVES = Table("loss", {"dice_ce": "vesalius.objectives.dice_ce:DiceCeConfig"})
Loss: TypeAlias = Callable[[Any, Mapping[str, Tensor]], Tensor]
"""Outputs of a net and the batch -> the loss, a scalar."""


class Objective(Named, ABC):
    """Weights of a loss; the loss decides which outputs of the net and which tensors of the batch it uses."""

    table = OBJECTIVES

    @abstractmethod
    def make(self) -> Loss:
        """Return the loss."""
