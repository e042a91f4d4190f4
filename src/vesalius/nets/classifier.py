"""An encoder of pictures with a light head that says what is in them, and where.

Letters: B pictures, C channel, J rows, I columns, D width, L places row by row, H W places down and across, N classes.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor, nn

from vesalius.nets.head import Head
from vesalius.nets.net import AnyNet, Net


class Classifier(Net):
    """x_BCJI to (logits_BN, places_BLN): of the whole picture and of its places, by one and the same head.

    The encoder gives a class token and patches, or a map whose mean stands for the picture.
    """

    encoder: AnyNet = Field(description="gives (class_BD, patches_BLD) or map_BDHW")
    outputs: int = Field(ge=1, description="classes")
    hidden: int = Field(default=0, description="width of the head; 0 or less: one linear layer and no more")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="share of the hidden numbers left out in training")

    @property
    def dims(self) -> int:
        """It takes pictures."""
        return 2

    @property
    def head(self) -> Head:
        """Sizes of the head."""
        width: int = self.encoder.width  # type: ignore[attr-defined]
        return Head(inputs=width, outputs=self.outputs, hidden=self.hidden, dropout=self.dropout)

    def make(self) -> nn.Module:
        return _Classifier(self.encoder.make(), self.head.make())


class _Classifier(nn.Module):
    def __init__(self, encoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head

    def forward(self, x_BCJI: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the pictures and of their places."""
        found = self.encoder(x_BCJI)
        if isinstance(found, Tensor):
            places_BLD = found.flatten(2).transpose(1, 2)
            found = places_BLD.mean(1), places_BLD
        whole_BD, places_BLD = found
        return self.head(whole_BD), self.head(places_BLD)
