"""The part that tokenizers of codes share: sizes, padding, prefixes and the table of their integers.

Letters: B scans, K slices, T frames, J rows, I columns, F facts; G groups of tokens, L places of a sequence, E numbers
of a token, M = 1 component.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vesalius.errors import UsageError
from vesalius.nets.quantizer import Quantizer
from vesalius.nets.titok import CodedPictures
from vesalius.nets.tokenizer import Size, Tokenizer


class CodeTokenizer(Tokenizer):
    """A tokenizer whose tokens are sequences of codes. It has no quality knob; a prefix is the first codes of a group.

    Rows and columns that are no multiple of the patch are padded with their last values and cut again.
    """

    qualities = (0,)
    codes: int
    """How many codes there are."""
    patch: tuple[int, int]
    """Rows and columns of a patch."""

    @property
    @abstractmethod
    def quantizer(self) -> Quantizer:
        """The quantizer, wherever it lies in the net."""

    @abstractmethod
    def forward(
        self,
        x_BKTJI: Tensor,
        mean_BKJI: Tensor | None = None,
        facts_BF: Tensor | None = None,
        prefix: int | None = None,
        quantized: bool = True,
    ) -> CodedPictures:
        """Encode and decode scans of equal size, for training; `CodedPictures.x_BCJI` is x_BKTJI.

        Args:
            x_BKTJI: rows and columns are multiples of the patch.
            mean_BKJI: the decoded means, where the tokenizer takes them.
            facts_BF: what is known of the patients (`vesalius.nets.clinical`), where it takes that.
            prefix: how many tokens of each group are decoded; None: all.
            quantized: whether tokens are rounded to codes; without, for a warm-up.
        """

    @abstractmethod
    def restored(
        self,
        z_GLD: Tensor,
        size_BKTJI: tuple[int, ...],
        mean_BKJI: Tensor | None = None,
        facts_BF: Tensor | None = None,
    ) -> Tensor:
        """Return x_BKTJI of the vectors of all tokens or the first of each group, as `Coded.z_BLD` holds them."""

    @abstractmethod
    def latents(self, x_BKTJI: Tensor, mean_BKJI: Tensor | None = None) -> Tensor:
        """Return y_GLE, what the quantizer is given; for `Quantizer.start`. Groups of all scans, scan by scan."""

    @abstractmethod
    def length(self, size_KTJI: Size) -> tuple[int, int]:
        """Return (G, L)."""

    @abstractmethod
    def coded(self, x_KTJI: Tensor, mean_KJI: Tensor | None) -> Tensor:
        """Return codes_GL of padded values."""

    @abstractmethod
    def decoded(self, codes_GL: Tensor, mean_KJI: Tensor | None, size_KTJI: Size) -> Tensor:
        """Return x_KTJI of a padded size."""

    def shape(self, size_KTJI: Size) -> tuple[int, int, int]:
        return (*self.length(size_KTJI), 1)

    def grid(self, size_KTJI: Size) -> tuple[int, int]:
        return 1, self.length(size_KTJI)[1]

    @torch.no_grad()
    def encode(self, x_KTJI: Tensor, mean_KJI: Tensor | None, quality: int = 0) -> Tensor:
        del quality
        self._check_mean(mean_KJI)
        mean_KJI = mean_KJI if self.takes_mean else None
        padded = None if mean_KJI is None else self.padded(mean_KJI)
        return self.coded(self.padded(x_KTJI), padded)[..., None].int()

    @torch.no_grad()
    def decode(self, tokens_GLM: Tensor, mean_KJI: Tensor | None, size_KTJI: Size, quality: int = 0) -> Tensor:
        del quality
        self._check_mean(mean_KJI)
        self._check_tokens(tokens_GLM, size_KTJI)
        rows, columns = size_KTJI[2:]
        size = (
            *size_KTJI[:2],
            *(-(-side // step) * step for side, step in zip(size_KTJI[2:], self.patch, strict=True)),
        )
        padded = None if mean_KJI is None or not self.takes_mean else self.padded(mean_KJI)
        x_KTJI = self.decoded(tokens_GLM[..., 0].long(), padded, (size[0], size[1], size[2], size[3]))
        return x_KTJI[..., :rows, :columns].clamp(0, 1)

    def prefix(self, tokens_GLM: Tensor, count: int) -> Tensor:
        return tokens_GLM[:, :count]

    @torch.no_grad()
    def values(self, tokens_GLM: Tensor, quality: int = 0) -> Tensor:
        del quality
        return self.quantizer.lookup(tokens_GLM[..., 0].long()).float()

    def tables(self) -> Mapping[str, NDArray[Any]]:
        return {"codes": np.array([self.codes], np.int32)}

    def padded(self, x: Tensor) -> Tensor:
        """Repeat the last row and column up to a multiple of the patch."""
        below, right = ((-side) % step for side, step in zip(x.shape[-2:], self.patch, strict=True))
        if not (below or right):
            return x
        flat = x.reshape(-1, 1, *x.shape[-2:])
        flat = torch.nn.functional.pad(flat, (0, right, 0, below), mode="replicate")
        return flat.reshape(*x.shape[:-2], *flat.shape[-2:])

    def _check_mean(self, mean_KJI: Tensor | None) -> None:
        if self.takes_mean and mean_KJI is None:
            raise UsageError("the tokenizer needs the mean of each slice over time", fix="give the decoded means")

    def _check_tokens(self, tokens_GLM: Tensor, size_KTJI: Size) -> None:
        groups, places, _ = self.shape(size_KTJI)
        if tokens_GLM.ndim != 3 or tokens_GLM.shape[0] != groups or tokens_GLM.shape[2] != 1:
            raise UsageError(f"tokens of shape {tuple(tokens_GLM.shape)} are not those of {groups} groups")
        if not 1 <= tokens_GLM.shape[1] <= places:
            what = f"{tokens_GLM.shape[1]} tokens are given, a group has {places}"
            raise UsageError(what, fix=f"give 1 to {places}")
        if tokens_GLM.numel() and not 0 <= int(tokens_GLM.min()) <= int(tokens_GLM.max()) < self.codes:
            raise UsageError(
                f"a token is none of the {self.codes} codes of the model", fix="name the model that made them"
            )
