"""A light head on the vectors of a frozen encoder.

Letters: B samples, D width, N classes; other axes may lie between B and D.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import nn

from vesalius.nets.net import Net


class Head(Net):
    """x_BD to logits_BN: norm, linear, GELU, dropout, linear.

    Example:
        >>> import torch
        >>> Head(inputs=8, outputs=3, hidden=4).make()(torch.zeros(2, 8)).shape
        torch.Size([2, 3])
    """

    dims: ClassVar[None] = None
    divisor: ClassVar[int] = 1
    inputs: int = Field(ge=1, description="width of the vectors")
    outputs: int = Field(ge=1, description="classes")
    hidden: int = Field(default=256, description="width between the layers; 0 or less: one linear layer and no more")
    dropout: float = Field(default=0.2, ge=0, lt=1, description="share of the hidden numbers left out in training")

    def make(self) -> nn.Module:
        if self.hidden <= 0:
            return nn.Linear(self.inputs, self.outputs)
        return nn.Sequential(
            nn.LayerNorm(self.inputs),
            nn.Linear(self.inputs, self.hidden),
            nn.GELU(),
            nn.Dropout(self.dropout),
            nn.Linear(self.hidden, self.outputs),
        )
