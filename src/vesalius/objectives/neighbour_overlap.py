"""The self-supervision of UME: which crops are neighbours of this one, and how far do they overlap it?

No paper; the parameters are those of the description of UME (temperature 0.07, contrastive 0.5, area 0.3, lambda 1).

Letters: B volumes, K neighbours of a main crop, N all neighbours of the batch (B * K), E width of a projection.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn


class NeighbourTerms(NamedTuple):
    """What a batch gives: `voco`, the weighted sum of the two terms, and the overlaps of all pairs.

    Args:
        voco, contrastive, area: scalars.
        logits_BN: predicted overlaps of each main crop with all neighbours.
        labels_BN: true ones; 0 across volumes.
    """

    voco: Tensor
    contrastive: Tensor
    area: Tensor
    logits_BN: Tensor
    labels_BN: Tensor


class NeighbourOverlapLoss(nn.Module):
    """voco = contrastive weight * InfoNCE + area weight * lambda * squared error of the overlaps.

    InfoNCE (arXiv:1807.03748): a main crop must find its neighbours among those of all volumes; the target is a
    distribution over its own neighbours in proportion to their overlap, 0 for those of other volumes. The predicted
    overlap of a pair is ReLU of its cosine, as in VoCo.

    Args:
        temperature: of the cosines in InfoNCE.
        contrastive: weight.
        area: weight.
        lambda_area: a further factor of the area.
    """

    def __init__(
        self, temperature: float = 0.07, contrastive: float = 0.5, area: float = 0.3, lambda_area: float = 1.0
    ) -> None:
        super().__init__()
        self.temperature, self.contrastive, self.area = temperature, contrastive, area * lambda_area

    def forward(self, main_BE: Tensor, neighbours_BKE: Tensor, labels_BK: Tensor) -> NeighbourTerms:
        """Return the terms.

        Args:
            main_BE: projections of the main crops.
            neighbours_BKE: of their neighbours.
            labels_BK: overlaps of neighbours with their main crop, above 0 and at most 1.
        """
        count, per_volume = labels_BK.shape
        main = nn.functional.normalize(main_BE.float(), dim=-1)
        cosine_BN = main @ nn.functional.normalize(neighbours_BKE.float(), dim=-1).flatten(0, 1).T
        itself = torch.arange(count, device=cosine_BN.device)
        labels_BBK = cosine_BN.new_zeros(count, count, per_volume)
        labels_BBK[itself, itself] = labels_BK.to(cosine_BN.dtype)
        labels_BN = labels_BBK.flatten(1)
        target_BN = labels_BN / labels_BN.sum(1, keepdim=True)
        contrastive = nn.functional.cross_entropy(cosine_BN / self.temperature, target_BN)
        logits_BN = torch.relu(cosine_BN)
        area = ((logits_BN - labels_BN)[labels_BN > 0] ** 2).mean()
        voco = self.contrastive * contrastive + self.area * area
        return NeighbourTerms(voco, contrastive, area, logits_BN, labels_BN)
