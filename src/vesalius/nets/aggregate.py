"""From the slices of a study to one vector or one score: mean, max, top-k, gated attention, recurrent.

A batch has as many slices as its largest study; `there` says which slices of a study are real. The values of the others
change nothing. Letters: B studies, S slices, D width (of vectors or of logits), E width of the result.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, ClassVar, Literal, TypeAlias

import torch
from pydantic import BeforeValidator, Field, SerializeAsAny
from torch import Tensor, nn

from vesalius.config import Named
from vesalius.nets.table import AGGREGATES

Over = Literal["vectors", "logits"]


class Aggregate(Named, ABC):
    """How slices become a study. `make` returns a module: x_BSD, there_BS to (study_BE, slices_BSE)."""

    table = AGGREGATES
    over: ClassVar[Over] = "vectors"
    """Whether the slices' vectors are aggregated before the head, or their logits after it."""

    @abstractmethod
    def make(self, width: int) -> nn.Module:
        """Return the module for vectors of width D, freshly initialized from PyTorch's global generator."""

    def width(self, width: int) -> int:
        """Return E for a D."""
        return width


AnyAggregate: TypeAlias = Annotated[SerializeAsAny[Aggregate], BeforeValidator(Aggregate.read)]
"""A field of a configuration that holds an aggregation or its table."""


class Mean(Aggregate):
    """The mean of the vectors."""

    def make(self, width: int) -> nn.Module:  # noqa: ARG002
        return _Mean()


class Max(Aggregate):
    """For each class the highest logit of a slice."""

    over: ClassVar[Over] = "logits"

    def make(self, width: int) -> nn.Module:  # noqa: ARG002
        return _TopK(1)


class TopK(Aggregate):
    """For each class the mean of the k highest logits; of all where there are fewer slices."""

    over: ClassVar[Over] = "logits"
    k: int = Field(default=3, ge=1, description="slices that count")

    def make(self, width: int) -> nn.Module:  # noqa: ARG002
        return _TopK(self.k)


class GatedAttention(Aggregate):
    """A mean whose weights come from the vectors (Ilse et al. 2018, arXiv:1802.04712)."""

    hidden: int = Field(default=128, ge=1, description="width of the gate")

    def make(self, width: int) -> nn.Module:
        return _GatedAttention(width, self.hidden)


class Gru(Aggregate):
    """Slices see their neighbours through a recurrent net in both directions; the study is the largest of each number.

    The largest and not the mean: a bleed may lie on few slices.
    """

    hidden: int = Field(default=128, ge=1, description="width of each direction")

    def make(self, width: int) -> nn.Module:
        return _Gru(width, self.hidden)

    def width(self, width: int) -> int:  # noqa: ARG002
        return 2 * self.hidden


class _Mean(nn.Module):
    def forward(self, x_BSD: Tensor, there_BS: Tensor) -> tuple[Tensor, Tensor]:
        real_BSD = x_BSD.masked_fill(~there_BS[..., None], 0.0)
        return real_BSD.sum(1) / there_BS.sum(1, keepdim=True).clamp(min=1), x_BSD


class _TopK(nn.Module):
    def __init__(self, k: int) -> None:
        super().__init__()
        self.k = k

    def forward(self, x_BSD: Tensor, there_BS: Tensor) -> tuple[Tensor, Tensor]:
        k = min(self.k, x_BSD.shape[1])
        highest_BKD = x_BSD.masked_fill(~there_BS[..., None], -torch.inf).topk(k, dim=1).values
        counts_BK = torch.arange(k, device=x_BSD.device) < there_BS.sum(1, keepdim=True)
        kept_BKD = highest_BKD.masked_fill(~counts_BK[..., None], 0.0)
        return kept_BKD.sum(1) / counts_BK.sum(1, keepdim=True).clamp(min=1), x_BSD


class _GatedAttention(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.content, self.gate = nn.Linear(width, hidden), nn.Linear(width, hidden)
        self.score = nn.Linear(hidden, 1)

    def weights(self, x_BSD: Tensor, there_BS: Tensor) -> Tensor:
        """Return the weights of the slices, shape (B, S); they add up to 1 in each study."""
        real_BSD = x_BSD.masked_fill(~there_BS[..., None], 0.0)
        scores_BS = self.score(self.content(real_BSD).tanh() * self.gate(real_BSD).sigmoid())[..., 0]
        return scores_BS.float().masked_fill(~there_BS, -torch.inf).softmax(1)

    def forward(self, x_BSD: Tensor, there_BS: Tensor) -> tuple[Tensor, Tensor]:
        real_BSD = x_BSD.masked_fill(~there_BS[..., None], 0.0)
        return torch.einsum("bs,bsd->bd", self.weights(x_BSD, there_BS), real_BSD.float()).to(x_BSD.dtype), x_BSD


class _Gru(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.gru = nn.GRU(width, hidden, batch_first=True, bidirectional=True)

    def forward(self, x_BSD: Tensor, there_BS: Tensor) -> tuple[Tensor, Tensor]:
        real_BSD = x_BSD.masked_fill(~there_BS[..., None], 0.0)
        lengths = there_BS.sum(1).clamp(min=1).cpu()
        packed = nn.utils.rnn.pack_padded_sequence(self.norm(real_BSD), lengths, batch_first=True, enforce_sorted=False)
        states_BSE, _ = nn.utils.rnn.pad_packed_sequence(self.gru(packed)[0], True, total_length=x_BSD.shape[1])
        return states_BSE.masked_fill(~there_BS[..., None], -torch.inf).amax(1), states_BSE
