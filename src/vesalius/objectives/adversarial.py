"""Losses between a generator of pictures and a discriminator: hinge, with the regularization of LeCam.

Letters: B pictures, J I places of the verdicts.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

_DECAY = 0.999


def generator_hinge(fake_BJI: Tensor) -> Tensor:
    """Return minus the mean verdict on generated pictures (arXiv:1705.02894).

    >>> generator_hinge(torch.tensor([2.0, 0.0])).item()
    -1.0
    """
    return -fake_BJI.float().mean()


def discriminator_hinge(real_BJI: Tensor, fake_BJI: Tensor) -> Tensor:
    """Return half the means of max(0, 1 - real) and max(0, 1 + fake), as VQGAN adds them (arXiv:2012.09841).

    >>> discriminator_hinge(torch.tensor([2.0, 0.0]), torch.tensor([-3.0, 1.0])).item()
    0.75
    """
    return ((1 - real_BJI.float()).relu().mean() + (1 + fake_BJI.float()).relu().mean()) / 2


class LeCam(nn.Module):
    """Draws verdicts on real pictures towards the moving average of those on generated ones, and back.

    The mean of max(0, real - average of fake)^2 plus that of max(0, average of real - fake)^2: the form of the code of
    the paper (arXiv:2104.03310). While it trains it follows both means first.

    Args:
        decay: of the moving averages.
    """

    def __init__(self, decay: float = _DECAY) -> None:
        super().__init__()
        self._decay = decay
        self.register_buffer("means", torch.zeros(2))

    def forward(self, real_BJI: Tensor, fake_BJI: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        real_BJI, fake_BJI = real_BJI.float(), fake_BJI.float()
        means = cast(Tensor, self.means)
        if self.training:
            now = torch.stack([real_BJI.detach().mean(), fake_BJI.detach().mean()])
            means.lerp_(now, 1 - self._decay)
        mean_real, mean_fake = means.clone()
        return (real_BJI - mean_fake).relu().square().mean() + (mean_real - fake_BJI).relu().square().mean()
