"""Heads on the vectors of a frozen encoder: for one picture, and for the slices of a study.

Letters: B pictures or studies, S slices, D width of the vectors, N classes.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor, nn

from vesalius.nets.aggregate import AnyAggregate, Mean
from vesalius.nets.net import Net


class _HeadNet(Net):
    dims: ClassVar[None] = None
    divisor: ClassVar[int] = 1
    inputs: int = Field(ge=1, description="width of the vectors")
    outputs: int = Field(ge=1, description="classes")
    hidden: int = Field(default=256, description="width between the layers; 0 or less: one linear layer and no more")
    dropout: float = Field(default=0.2, ge=0, lt=1, description="share of the hidden numbers left out in training")


class Head(_HeadNet):
    """x_BD to logits_BN: norm, linear, GELU, dropout, linear. Other axes may lie between B and D.

    Example:
        >>> import torch
        >>> Head(inputs=8, outputs=3, hidden=4).make()(torch.zeros(2, 8)).shape
        torch.Size([2, 3])
    """

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


class StudyHead(_HeadNet):
    """x_BSD, there_BS to (study_BN, slices_BSN), both logits; real slices come first in each study.

    Example:
        >>> import torch
        >>> net = StudyHead(inputs=8, outputs=3, hidden=4).make()
        >>> study_BN, slices_BSN = net(torch.zeros(2, 5, 8), torch.ones(2, 5, dtype=torch.bool))
        >>> study_BN.shape, slices_BSN.shape
        (torch.Size([2, 3]), torch.Size([2, 5, 3]))
    """

    aggregate: AnyAggregate = Field(default=Mean(), description="how the slices become a study")

    def make(self) -> nn.Module:
        return _StudyHead(self)


class _StudyHead(nn.Module):
    def __init__(self, config: StudyHead) -> None:
        super().__init__()
        over_logits = config.aggregate.over == "logits"
        width = config.inputs if over_logits else config.aggregate.width(config.inputs)
        self.aggregate = config.aggregate.make(config.outputs if over_logits else config.inputs)
        self.head = Head(inputs=width, outputs=config.outputs, hidden=config.hidden, dropout=config.dropout).make()
        self._over_logits = over_logits

    def forward(self, x_BSD: Tensor, there_BS: Tensor) -> tuple[Tensor, Tensor]:
        if self._over_logits:
            study_BN, slices_BSN = self.aggregate(self.head(x_BSD), there_BS)
            return study_BN, slices_BSN
        study_BE, slices_BSE = self.aggregate(x_BSD, there_BS)
        return self.head(study_BE), self.head(slices_BSE)
