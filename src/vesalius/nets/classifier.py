"""An encoder of pictures with a light head: classes of the whole picture and of its places.

Letters: B pictures, C channel, J rows, I columns, D width, L places row by row, N classes.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor, nn

from vesalius.nets.encoder import AnyEncoder, EncoderNet
from vesalius.nets.head import Head
from vesalius.nets.net import Net


class Classifier(Net):
    """x_BCJI to (logits_BN, places_BLN): of the whole picture and of its places, by the same head."""

    encoder: AnyEncoder = Field(description="gives (whole_BD, places_BLD)")
    outputs: int = Field(ge=1, description="classes")
    hidden: int = Field(default=0, description="width of the head; 0 or less: one linear layer and no more")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="share of the hidden numbers left out in training")

    @property
    def dims(self) -> int | None:
        return self.encoder.dims

    @property
    def inputs(self) -> int | None:
        return self.encoder.inputs

    @property
    def divisor(self) -> int:
        return self.encoder.divisor

    @property
    def head(self) -> Head:
        return Head(inputs=self.encoder.width, outputs=self.outputs, hidden=self.hidden, dropout=self.dropout)

    @classmethod
    def of(cls, encoder: EncoderNet, head: Head) -> Classifier:
        """Return the configuration of the classifier that an encoder and a head make together."""
        return cls(encoder=encoder, outputs=head.outputs, hidden=head.hidden, dropout=head.dropout)

    def make(self) -> nn.Module:
        return self.joined(self.encoder.make(), self.head.make())

    def joined(self, encoder: nn.Module, head: nn.Module) -> nn.Module:
        """Return the classifier of two existing networks."""
        return _Classifier(encoder, head)


class _Classifier(nn.Module):
    def __init__(self, encoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head

    def forward(self, x_BCJI: Tensor) -> tuple[Tensor, Tensor]:
        whole_BD, places_BLD = self.encoder(x_BCJI)
        return self.head(whole_BD), self.head(places_BLD)
