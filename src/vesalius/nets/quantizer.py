"""From vectors to integers: the shape that all quantizers share, and measures of how codes are used.

Letters: B batch, L tokens, D numbers of a token, N codes.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Annotated, NamedTuple, TypeAlias

from pydantic import BeforeValidator, SerializeAsAny
from torch import Tensor, nn

from vesalius.config import Named
from vesalius.nets.table import QUANTIZERS


class Quantized(NamedTuple):
    """What a quantizer makes of vectors.

    Args:
        z_BLD: the quantized vectors, in fp32; gradients pass straight through.
        codes_BL: their integers, int64; a quantizer without integers leaves the last axis empty.
        loss: what its own training adds, a scalar.
    """

    z_BLD: Tensor
    codes_BL: Tensor
    loss: Tensor


class Quantizer(nn.Module, ABC):
    """Computes in fp32 whatever the autocast."""

    codes: int
    """How many integers there are; 0 for none."""

    @abstractmethod
    def forward(self, y_BLE: Tensor) -> Quantized:
        """Quantize what an encoder emits, `QuantizerConfig.emits` numbers for each token."""

    @abstractmethod
    def lookup(self, codes_BL: Tensor) -> Tensor:
        """Return z_BLD of integers."""

    @abstractmethod
    def continuous(self, y_BLE: Tensor) -> Quantized:
        """Return what `forward` does without rounding, for a warm-up of training; the loss is 0."""

    def start(self, y_NE: Tensor, *names: int | str) -> None:
        """Set what is learned from data to fit these rows; random draws come from the names."""

    def revive(self, *names: int | str) -> int:
        """Give codes that are no longer used another place, after a step; return how many."""
        del names
        return 0


class QuantizerConfig(Named, ABC):
    """Sizes of a quantizer."""

    table = QUANTIZERS

    @property
    @abstractmethod
    def width(self) -> int:
        """Numbers of a quantized token, D."""

    @property
    def emits(self) -> int:
        """Numbers of a token that the encoder must emit, E."""
        return self.width

    @abstractmethod
    def make(self) -> Quantizer:
        """Return the quantizer, freshly initialized from PyTorch's global generator."""


AnyQuantizer: TypeAlias = Annotated[SerializeAsAny[QuantizerConfig], BeforeValidator(QuantizerConfig.read)]
"""A field of a configuration that holds a quantizer or its table."""


def code_statistics(share_N: Tensor) -> dict[str, float]:
    """Measure how evenly codes are used.

    Args:
        share_N: how often each was used; any positive scale.

    Returns:
        `used`: share of codes used at all; `perplexity`: number of codes that, used evenly, would have this entropy;
        `dead`: codes not used.

    Example:
        >>> import torch
        >>> code_statistics(torch.tensor([2.0, 0.0, 0.0, 0.0]))
        {'used': 0.25, 'perplexity': 1.0, 'dead': 3.0}
    """
    share_N = share_N.double() / share_N.double().sum().clamp(min=1e-30)
    used = float((share_N > 0).double().mean())
    entropy = abs(float((share_N * share_N.clamp(min=1e-30).log()).sum()))
    return {"used": used, "perplexity": math.exp(entropy), "dead": float((share_N <= 0).sum())}
