"""Continuous tokens: a normal distribution for each number of a token (arXiv:1312.6114), as in TiTok's VAE models.

Letters: B batch, L tokens, D numbers of a token.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from vesalius.errors import UsageError
from vesalius.nets.quantizer import Quantized, Quantizer, QuantizerConfig

_LOG_VARIANCE = -30.0, 20.0


class GaussianLatents(QuantizerConfig):
    """No quantization: the encoder emits means and logarithms of variances, and training draws from them."""

    dim: int = Field(default=16, ge=1, description="numbers of a token")

    @property
    def width(self) -> int:
        return self.dim

    @property
    def emits(self) -> int:
        return 2 * self.dim

    def make(self) -> DiagonalGaussian:
        return DiagonalGaussian()


class DiagonalGaussian(Quantizer):
    """Draws from the distribution in training (PyTorch's global generator) and gives its mean otherwise.

    The loss is the divergence from the standard normal distribution, summed over the numbers of a picture and averaged
    over the batch. Departure: the published code draws outside training, too.
    """

    codes = 0

    def forward(self, y_BLE: Tensor) -> Quantized:
        with torch.autocast(y_BLE.device.type, enabled=False):
            mean_BLD, log_variance_BLD = y_BLE.float().chunk(2, -1)
            log_variance_BLD = log_variance_BLD.clamp(*_LOG_VARIANCE)
            z_BLD = mean_BLD
            if self.training:
                z_BLD = mean_BLD + (log_variance_BLD / 2).exp() * torch.randn_like(mean_BLD)
            terms = mean_BLD.square() + log_variance_BLD.exp() - 1 - log_variance_BLD
            return Quantized(z_BLD, _no_codes(z_BLD), 0.5 * terms.sum((-2, -1)).mean())

    def continuous(self, y_BLE: Tensor) -> Quantized:
        mean_BLD = y_BLE.float().chunk(2, -1)[0]
        return Quantized(mean_BLD, _no_codes(mean_BLD), mean_BLD.new_zeros(()))

    def lookup(self, codes_BL: Tensor) -> Tensor:
        del codes_BL
        raise UsageError("the tokens of this model are no integers", fix="use a model with the quantizer vq or fsq")


def _no_codes(z_BLD: Tensor) -> Tensor:
    return z_BLD.new_zeros((*z_BLD.shape[:-2], 0), dtype=torch.long)
