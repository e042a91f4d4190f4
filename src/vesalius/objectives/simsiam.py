"""The loss of SimSiam (arXiv:2011.10566): each view predicts the projection of the other, which gets no gradient.

Letters: B pictures, D width of the projection.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SimSiamLoss(nn.Module):
    """Half the negative cosine of (prediction of view 1, projection of view 2) plus half that of the other pair.

    From -1, where all predictions are right, to 1. No negatives, and no temperature.

    Example:
        >>> import torch
        >>> ends = torch.eye(2)
        >>> SimSiamLoss()(ends, ends, ends, ends)
        tensor(-1.)
    """

    def forward(self, predicted_1: Tensor, predicted_2: Tensor, projected_1: Tensor, projected_2: Tensor) -> Tensor:
        """Return the loss, a scalar; all arguments have the shape (B, D)."""
        forth, back = _similarity(predicted_1, projected_2), _similarity(predicted_2, projected_1)
        return -(forth + back) / 2


def _similarity(predicted_BD: Tensor, projected_BD: Tensor) -> Tensor:
    exact = torch.promote_types(predicted_BD.dtype, torch.float32)
    return nn.functional.cosine_similarity(predicted_BD.to(exact), projected_BD.detach().to(exact), dim=1).mean()
