"""The loss of SimSiam (arXiv:2011.10566): each view predicts the projection of the other, which gets no gradient.

Letters: B pictures, D width of the projection.
"""

from __future__ import annotations

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
        similarity = nn.functional.cosine_similarity
        forth = similarity(predicted_1.float(), projected_2.detach().float(), dim=1).mean()
        back = similarity(predicted_2.float(), projected_1.detach().float(), dim=1).mean()
        return -(forth + back) / 2
