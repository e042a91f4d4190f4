"""What the flow runs in: pictures from 0 to 1 become values from -1 to 1, and back.

Letters: B batch, C channel, J rows, I columns.
"""

from __future__ import annotations

from torch import Tensor

from vesalius.tasks.generate.config import PixelsConfig


def from_pictures(x_BCJI: Tensor, pixels: PixelsConfig) -> Tensor:
    """Return pictures from 0 to 1 as the net sees them, from -1 to 1.

    Example:
        >>> import torch
        >>> from_pictures(torch.tensor([[[[0.25]]]]), PixelsConfig(gamma=0.5)).item()
        0.0
    """
    return 2 * x_BCJI.clamp(0, 1) ** pixels.gamma - 1


def to_pictures(x_BCJI: Tensor, pixels: PixelsConfig) -> Tensor:
    """Return what the flow made as pictures from 0 to 1; the inverse of `from_pictures`."""
    return (((x_BCJI.float() + 1) / 2).clamp(0, 1)) ** (1 / pixels.gamma)
