"""Captions and places as a net takes them; either may be left out.

Letters: B batch, L text tokens, D width, M classes of the mask, J rows, I columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Conditions:
    """What the pictures of a batch show.

    Args:
        text_BLD: encoded captions.
        kept_BL: which tokens are text; none of a picture without a caption.
        mask_BMJI: shares of the classes from -1 to 1; 0 everywhere without a mask. None: the net takes no masks.
    """

    text_BLD: Tensor
    kept_BL: Tensor
    mask_BMJI: Tensor | None

    def output(self, net: nn.Module, x_BCJI: Tensor, t_B: Tensor) -> Tensor:
        """Return the output of the net at x_t."""
        given = (x_BCJI, t_B, self.text_BLD, self.kept_BL)
        output: Tensor = net(*given) if self.mask_BMJI is None else net(*given, self.mask_BMJI)
        return output

    def without_mask(self) -> Conditions:
        """Return the same captions without places."""
        return self if self.mask_BMJI is None else replace(self, mask_BMJI=torch.zeros_like(self.mask_BMJI))


class Captions:
    """Encodes captions; those of an encoder that is not trained are encoded once.

    Args:
        most: captions that are remembered.
    """

    def __init__(self, most: int = 4096) -> None:
        self._known: dict[str, tuple[Tensor, Tensor]] = {}
        self._most = most

    def encode(self, text: nn.Module, captions: Sequence[str], *, trained: bool) -> tuple[Tensor, Tensor]:
        """Return (text_BLD, kept_BL) of captions; "" keeps no token."""
        if trained:
            encoded: tuple[Tensor, Tensor] = text(list(captions))
            return encoded
        new = [caption for caption in dict.fromkeys(captions) if caption not in self._known]
        if len(self._known) + len(new) > self._most:
            self._known.clear()
            new = list(dict.fromkeys(captions))
        for caption in new:
            with torch.no_grad():
                tokens_1LD, kept_1L = text([caption])
            self._known[caption] = (tokens_1LD[0], kept_1L[0])
        each = [self._known[caption] for caption in captions]
        tokens = nn.utils.rnn.pad_sequence([tokens for tokens, _ in each], batch_first=True)
        return tokens, nn.utils.rnn.pad_sequence([kept for _, kept in each], batch_first=True)
