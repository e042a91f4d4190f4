"""A loss that a configuration chooses by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from torch import Tensor, nn

from vesalius.config import Named
from vesalius.named import Table

OBJECTIVES = Table(
    "loss",
    {
        "dice_ce": "vesalius.objectives.dice_ce:DiceCeConfig",
        "dice_bce": "vesalius.objectives.dice_bce:DiceBceConfig",
        "ume": "vesalius.objectives.ume:UmeLoss",
    },
)
Terms: TypeAlias = Mapping[str, Tensor]
"""Parts of a loss for the record, without gradients."""
Loss: TypeAlias = Callable[[Any, Mapping[str, Tensor]], tuple[Tensor, Terms]]
"""Outputs of a net and the batch -> the loss, a scalar, and its terms."""


class Objective(Named, ABC):
    """Weights of a loss; the loss decides which outputs of the net and which tensors of the batch it uses."""

    table = OBJECTIVES

    @property
    def of_regions(self) -> bool:
        """Whether the outputs of the net are regions that may overlap, and not classes."""
        return False

    @property
    def of_keyframes(self) -> bool:
        """Whether the net must give the vectors of its keyframes, too."""
        return False

    def outputs(self, net: nn.Module, batch: Mapping[str, Tensor]) -> Any:
        """Return what the loss takes of the net: by default its output for "image" of the batch."""
        return net(batch["image"])

    @abstractmethod
    def make(self) -> Loss:
        """Return the loss."""
