"""The shape that all tokenizers of scans share: integer tokens in groups, places and components, and back.

Letters: K slices, T frames, J rows, I columns; G groups of tokens (studies, slices or frames), L places (cells row by
row, or positions of a sequence), M components of a place,
D numbers that they stand for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray
from torch import Tensor, nn

Size = tuple[int, int, int, int]
"""Slices, frames, rows, columns of what is coded at once."""


class Tokenizer(nn.Module, ABC):
    """Turns the slices of a scan over time into integer tokens and back.

    Values are scaled to 0 to 1 (p0.1 to p99.9 of the scan). Any number of slices, frames, rows and columns works.
    Decoding takes any prefix of the tokens (`prefix`). Equal tokens give equal pictures but for rounding of the device.
    """

    takes_mean: bool
    """Whether `encode` and `decode` rest on the mean of each slice over time, which is coded apart."""
    qualities: tuple[int, ...]
    """Settings of its one quality knob from best to worst; a single one where there is no knob."""
    width: int
    """D, numbers of a place in `values`."""

    amplitudes: bool = False
    """Whether places are the cells of a slice, row by row, and `values` the amplitudes of what moves there."""

    @abstractmethod
    def shape(self, size_KTJI: Size) -> tuple[int, int, int]:
        """Return (G, L, M), the shape of all tokens of a scan of this size."""

    @abstractmethod
    def grid(self, size_KTJI: Size) -> tuple[int, int]:
        """Return rows and columns of the places; (1, L) where places are a sequence."""

    @abstractmethod
    def encode(self, x_KTJI: Tensor, mean_KJI: Tensor | None, quality: int) -> Tensor:
        """Return tokens_GLM, int32.

        Args:
            x_KTJI: values from 0 to 1.
            mean_KJI: the decoded means; None where the tokenizer takes none.
            quality: one of `qualities`.
        """

    @abstractmethod
    def decode(self, tokens_GLM: Tensor, mean_KJI: Tensor | None, size_KTJI: Size, quality: int) -> Tensor:
        """Return x_KTJI from all tokens or a prefix of them."""

    @abstractmethod
    def prefix(self, tokens_GLM: Tensor, count: int) -> Tensor:
        """Return the first `count` tokens: places of a sequence, or components of every cell."""

    @abstractmethod
    def values(self, tokens_GLM: Tensor, quality: int) -> Tensor:
        """Return values_GLD, float32: what the tokens of each place stand for, e.g. vectors of a codebook."""

    @abstractmethod
    def tables(self) -> Mapping[str, NDArray[Any]]:
        """Return the integers by which `vesalius.codec.token_stream` codes the tokens; equal on every machine."""
