"""Finite scalar quantization (arXiv:2309.15505): each number of a token is rounded to one of a few levels.

Letters: B batch, L tokens, D numbers of a token.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from vesalius.nets.quantizer import Quantized, Quantizer, QuantizerConfig

Level = Annotated[int, Field(ge=2)]
_MARGIN = 1e-3
"""By which the levels at the ends are widened, so that bounded values reach them."""


class ScalarCodes(QuantizerConfig):
    """A fixed grid of codes, the product of the levels; nothing of it is learned, so no code can die for good."""

    levels: tuple[Level, ...] = Field(default=(8, 8, 8, 8), min_length=1, description="levels of each number")

    @property
    def width(self) -> int:
        return len(self.levels)

    def make(self) -> FiniteScalarQuantizer:
        return FiniteScalarQuantizer(self.levels)


class FiniteScalarQuantizer(Quantizer):
    """Bounds each number by a hyperbolic tangent and rounds it; the results lie between -1 and 1.

    An even number of levels has one more below zero than above.

    Example:
        >>> quantizer = FiniteScalarQuantizer((3, 2))
        >>> quantizer.lookup(torch.arange(6)).tolist()
        [[-1.0, -1.0], [0.0, -1.0], [1.0, -1.0], [-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]]
    """

    def __init__(self, levels: tuple[int, ...]) -> None:
        super().__init__()
        self.codes = math.prod(levels)
        self._levels = levels
        self._steps = tuple(math.prod(levels[:place]) for place in range(len(levels)))

    def forward(self, y_BLE: Tensor) -> Quantized:
        with torch.autocast(y_BLE.device.type, enabled=False):
            bounded_BLD = self._bounded(y_BLE.float())
            rounded_BLD = bounded_BLD + (bounded_BLD.round() - bounded_BLD).detach()
            digits_BLD = rounded_BLD.detach().round().long() + self._of(self._half(), y_BLE).long()
            codes_BL = (digits_BLD * self._of(self._steps, y_BLE).long()).sum(-1)
            return Quantized(rounded_BLD / self._of(self._half(), y_BLE), codes_BL, y_BLE.new_zeros(()).float())

    def continuous(self, y_BLE: Tensor) -> Quantized:
        with torch.autocast(y_BLE.device.type, enabled=False):
            bounded_BLD = self._bounded(y_BLE.float()) / self._of(self._half(), y_BLE)
            return Quantized(bounded_BLD, self(y_BLE.detach()).codes_BL, y_BLE.new_zeros(()).float())

    def lookup(self, codes_BL: Tensor) -> Tensor:
        steps, levels = self._of(self._steps, codes_BL).long(), self._of(self._levels, codes_BL).long()
        digits_BLD = torch.div(codes_BL[..., None], steps, rounding_mode="floor") % levels
        half = self._of(self._half(), codes_BL)
        return (digits_BLD - half) / half

    def _bounded(self, y_BLD: Tensor) -> Tensor:
        """Squash each number of L levels to the L integers around 0, shifted by a half for even L."""
        levels = self._of(self._levels, y_BLD)
        reach = (levels - 1) * (1 + _MARGIN) / 2
        offset = torch.where(levels % 2 == 0, 0.5, 0.0)
        return (y_BLD + (offset / reach).atanh()).tanh() * reach - offset

    def _half(self) -> tuple[int, ...]:
        return tuple(levels // 2 for levels in self._levels)

    @staticmethod
    def _of(numbers: tuple[int, ...], like: Tensor) -> Tensor:
        return torch.tensor(numbers, device=like.device, dtype=torch.float32)
