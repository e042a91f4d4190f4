"""The head of contrastive pre-training (arXiv:2002.05709, arXiv:2006.10029): vectors to those that the loss compares.

Letters: B batch, D width.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import nn

from vesalius.nets.net import Net

_STD = 0.01


class Projection(Net):
    """x_BD to z_BE: each layer is linear without bias, then batch norm; ReLU between layers, no bias in the last norm.

    The layers before the last keep the width. SimCLR has 2 layers, SimCLR v2 has 3, REMEDIS 2.

    Example:
        >>> import torch
        >>> Projection(inputs=8, outputs=4).make()(torch.randn(3, 8)).shape
        torch.Size([3, 4])
    """

    dims: ClassVar[None] = None
    divisor: ClassVar[int] = 1
    inputs: int = Field(ge=1, description="width of the vectors")
    outputs: int = Field(default=128, ge=1, description="numbers that the loss compares")
    layers: int = Field(default=2, ge=1, description="linear maps; 1: none that keeps the width")

    def make(self) -> nn.Module:
        modules: list[nn.Module] = []
        for _ in range(1, self.layers):
            modules += [_linear(self.inputs, self.inputs), nn.BatchNorm1d(self.inputs), nn.ReLU(inplace=True)]
        last = nn.BatchNorm1d(self.outputs)
        last.register_parameter("bias", None)
        return nn.Sequential(*modules, _linear(self.inputs, self.outputs), last)


def _linear(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs, bias=False)
    nn.init.normal_(layer.weight, std=_STD)
    return layer
