"""The losses of VoCo: how far does a random crop overlap each crop of a fixed grid?

Two versions are published: the code of CVPR 2024 (arXiv:2402.17300) and that of Large-Scale-Medical (arXiv:2410.09890).
Neither has a temperature. Papers and code differ (the negatives, what the teacher sees); this is the code.

Letters: B volumes, R random crops of a volume, K base crops of a volume, E width of a projection.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

_TINY = 1e-6


class VocoTerms(NamedTuple):
    """What a batch gives.

    Args:
        prediction: the loss of the predicted overlaps, a scalar.
        redundancy: similarity of different base crops, a scalar.
        logits_BRK: predicted overlaps, from 0 to 1.
    """

    prediction: Tensor
    redundancy: Tensor
    logits_BRK: Tensor


class VocoProjections(NamedTuple):
    """Projections of all crops by one network: random_BRE and base_BKE."""

    random_BRE: Tensor
    base_BKE: Tensor


class VocoLoss(nn.Module):
    """The loss of 2024: positives and the square of negatives, on the mean of two logits.

    The logits are those of the student's random crops with the teacher's base crops and of the teacher's random crops
    with the student's base crops. prediction = attract * positives + repel * negatives.

    Args:
        attract: weight of the positives, 1 as published.
        repel: weight of the negatives, 1 as published.
    """

    def __init__(self, attract: float = 1.0, repel: float = 1.0) -> None:
        super().__init__()
        self.attract, self.repel = attract, repel

    def forward(self, student: VocoProjections, teacher: VocoProjections, labels_BRK: Tensor) -> VocoTerms:
        """Return the terms; the teacher gets no gradient.

        Args:
            student: all its projections.
            teacher: likewise.
            labels_BRK: overlaps, from 0 to 1.
        """
        there = predicted_overlap(student.random_BRE, teacher.base_BKE.detach())
        back = predicted_overlap(teacher.random_BRE.detach(), student.base_BKE)
        logits_BRK = (there + back) / 2
        negatives = _mean_over_volumes(logits_BRK**2, labels_BRK == 0)
        prediction = self.attract * _positives(logits_BRK, labels_BRK) + self.repel * negatives
        return VocoTerms(prediction, redundancy(student.base_BKE), logits_BRK)


class VocoTpamiLoss(nn.Module):
    """The loss of 2025: within a volume (intra), and between a volume and the next one of the batch (inter).

    Both are positives plus negatives -log(1 - s); intra has the overlaps as labels, inter what the teacher predicts for
    the random crops of a volume and the base crops of the next. Student's random crops meet the teacher's base crops.

    Args:
        attract: weight of the positives, 1 as published.
        repel: weight of the negatives, 1 as published.
        inter: weight of inter, 1 as published.
    """

    def __init__(self, attract: float = 1.0, repel: float = 1.0, inter: float = 1.0) -> None:
        super().__init__()
        self.attract, self.repel, self.inter = attract, repel, inter

    def forward(
        self, student: VocoProjections, teacher: VocoProjections, labels_BRK: Tensor, next_BKE: Tensor
    ) -> VocoTerms:
        """Return the terms; the teacher gets no gradient.

        Args:
            student: all its projections.
            teacher: likewise.
            labels_BRK: overlaps, from 0 to 1.
            next_BKE: the teacher's base crops of the next volume of the batch.
        """
        logits_BRK = predicted_overlap(student.random_BRE, teacher.base_BKE.detach())
        across_BRK = predicted_overlap(student.random_BRE, next_BKE.detach())
        target_BRK = predicted_overlap(teacher.random_BRE, next_BKE).detach()
        prediction = self._entropy(logits_BRK, labels_BRK) + self.inter * self._entropy(across_BRK, target_BRK)
        return VocoTerms(prediction, redundancy(student.base_BKE), logits_BRK)

    def _entropy(self, logits_BRK: Tensor, labels_BRK: Tensor) -> Tensor:
        negatives = _mean_over_volumes(-torch.log(1 - logits_BRK + _TINY), labels_BRK == 0)
        return self.attract * _positives(logits_BRK, labels_BRK) + self.repel * negatives


def predicted_overlap(random_BRE: Tensor, base_BKE: Tensor) -> Tensor:
    """Return ReLU of the cosine of each random crop with each base crop, (B, R, K).

    Example:
        >>> predicted_overlap(torch.tensor([[[2.0, 0.0]]]), torch.tensor([[[1.0, 0.0], [-1.0, 0.0]]]))
        tensor([[[1., 0.]]])
    """
    return torch.relu(_cosines(random_BRE, base_BKE)).clamp(max=1)


def redundancy(base_BKE: Tensor) -> Tensor:
    """Return the mean over pairs a < b of base crops of ReLU(cosine(a, b))^2; b gets no gradient."""
    cosine_BKK = torch.relu(_cosines(base_BKE, base_BKE.detach()))
    count = base_BKE.shape[1]
    first, second = torch.triu_indices(count, count, offset=1, device=base_BKE.device)
    return (cosine_BKK[:, first, second] ** 2).mean()


def _positives(logits_BRK: Tensor, labels_BRK: Tensor) -> Tensor:
    """Return sum y * -log(1 - |y - s|) / sum y of each volume, averaged."""
    distance = -torch.log(1 - (labels_BRK - logits_BRK).abs() + _TINY)
    return ((labels_BRK * distance).sum((1, 2)) / (labels_BRK.sum((1, 2)) + _TINY)).mean()


def _mean_over_volumes(values_BRK: Tensor, chosen_BRK: Tensor) -> Tensor:
    """Return the mean over the chosen pairs of each volume, averaged over volumes; 0 where none is chosen."""
    chosen = chosen_BRK.to(values_BRK.dtype)
    return ((values_BRK * chosen).sum((1, 2)) / (chosen.sum((1, 2)) + _TINY)).mean()


def _cosines(x_BRE: Tensor, y_BKE: Tensor) -> Tensor:
    """Return the cosine of each pair, (B, R, K); in single precision also where nets compute in half precision.

    There the logarithm of 1 - s + 1e-6 would have gradients beyond the numbers of fp16.
    """
    with torch.autocast(x_BRE.device.type, enabled=False):
        return _unit(x_BRE) @ _unit(y_BKE).transpose(1, 2)


def _unit(x: Tensor) -> Tensor:
    return nn.functional.normalize(x.to(torch.promote_types(x.dtype, torch.float32)), dim=-1)
