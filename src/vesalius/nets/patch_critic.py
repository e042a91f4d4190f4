"""A discriminator that judges patches of pictures, and random features for a perceptual loss.

Letters: B pictures, C channel, J rows, I columns, D features.
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from vesalius.seeding import digest

_SLOPE = 0.2
_GROUPS = 8


def patch_critic(inputs: int, width: int = 32, levels: int = 3) -> nn.Sequential:
    """Return convolutions from x_BCJI to verdicts_B1JI, each about a patch (PatchGAN, arXiv:1611.07004).

    Every level halves rows and columns and doubles the width. Departure: group norm instead of batch norm, so that a
    verdict does not depend on the other pictures of the batch.

    Args:
        inputs: channels of the pictures.
        width: channels of the first level, a multiple of 8.
        levels: halvings.
    """
    layers: list[nn.Module] = [nn.Conv2d(inputs, width, 4, 2, 1), nn.LeakyReLU(_SLOPE)]
    for level in range(1, levels):
        before, after = width << (level - 1), width << level
        layers += [nn.Conv2d(before, after, 4, 2, 1), nn.GroupNorm(_GROUPS, after), nn.LeakyReLU(_SLOPE)]
    last = width << (levels - 1)
    return nn.Sequential(*layers, nn.Conv2d(last, 1, 3, 1, 1))


class RandomFeatures(nn.Module):
    """Convolutions with random weights that are never trained: features of three scales, the same on every machine.

    Args:
        inputs: channels of the pictures.
        width: features of the first scale; doubled with each.
        seed: of the weights.
    """

    def __init__(self, inputs: int = 1, width: int = 16, seed: int = 0) -> None:
        super().__init__()
        widths = [inputs, width, 2 * width, 4 * width]
        convs = [
            nn.Conv2d(before, after, 3, 1 if number == 0 else 2, 1)
            for number, (before, after) in enumerate(pairwise(widths))
        ]
        draw = torch.Generator().manual_seed(digest(seed, "random features") % 2**63)
        for conv in convs:
            spread = (2 / conv.weight[0].numel()) ** 0.5
            nn.init.normal_(conv.weight, std=spread, generator=draw)
            nn.init.zeros_(cast(Tensor, conv.bias))
        self.convs = nn.ModuleList(convs)
        self.requires_grad_(False)

    def forward(self, x_BCJI: Tensor) -> list[Tensor]:
        """Return features of three scales, each (B, D, J, I)."""
        levels = []
        for conv in self.convs:
            x_BCJI = conv(x_BCJI).relu()
            levels.append(x_BCJI)
        return levels
