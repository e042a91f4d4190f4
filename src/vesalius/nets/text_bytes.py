"""A small encoder of captions that learns with the net it serves: bytes, so any language, and no vocabulary to ship.

Letters: B captions, N bytes, L tokens, D width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from vesalius.nets.text import TextNet

_STRIDE = 4
"""Bytes of a token."""
_PAD = 256


class TextBytes(TextNet):
    """Captions as bytes of UTF-8, four to a token, through a transformer; (text_BLD, kept_BL)."""

    width: int = Field(default=192, ge=8, description="of a token")
    depth: int = Field(default=1, ge=0, description="blocks of the transformer")
    heads: int = Field(default=3, ge=1, description="of a block")
    most: int = Field(default=256, ge=_STRIDE, multiple_of=_STRIDE, description="bytes of a caption; the rest is cut")

    @model_validator(mode="after")
    def _heads_fit(self) -> TextBytes:
        if self.width % self.heads:
            raise ValueError(f"a width of {self.width} does not make {self.heads} heads")
        return self

    def make(self) -> TextBytesNet:
        return TextBytesNet(self)


class TextBytesNet(nn.Module):
    """The module of `TextBytes`."""

    def __init__(self, config: TextBytes) -> None:
        super().__init__()
        self.most = config.most
        self.bytes = nn.Embedding(_PAD + 1, config.width, padding_idx=_PAD)  # 0, as beyond the end
        self.join = nn.Conv1d(config.width, config.width, _STRIDE + 3, _STRIDE, padding=2)
        self.places = nn.Parameter(0.02 * torch.randn(config.most // _STRIDE, config.width))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                config.width, config.heads, 2 * config.width, 0.0, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(config.width)

    def forward(self, captions: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return the tokens of captions, (B, L, D), and which of them are text, (B, L); "" has none."""
        bytes_BN = self._bytes(captions).to(self.places.device)
        kept_BL = (bytes_BN != _PAD).reshape(len(bytes_BN), -1, _STRIDE).any(2)
        text_BLD = self.join(self.bytes(bytes_BN).transpose(1, 2)).transpose(1, 2)
        text_BLD = text_BLD + self.places[: text_BLD.shape[1]]
        seen_BL = kept_BL | ~kept_BL.any(1, keepdim=True)
        for block in self.blocks:
            text_BLD = block(text_BLD, src_key_padding_mask=~seen_BL)
        return self.norm(text_BLD), kept_BL

    def _bytes(self, captions: Sequence[str]) -> Tensor:
        """Bytes of the captions, padded to whole tokens, at least one."""
        each = [caption.encode("utf-8", "replace")[: self.most] for caption in captions]
        longest = max(map(len, each), default=0)
        count = max(_STRIDE, -(-longest // _STRIDE) * _STRIDE)
        rows = [[*text, *[_PAD] * (count - len(text))] for text in each]
        return torch.tensor(rows, dtype=torch.long).reshape(len(each), count)
