"""Binary cross-entropy of several labels at once, some of which are unknown.

Letters: B samples, N classes; other axes may lie between them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

MOST_WEIGHT = 20.0
"""Upper limit of the weight of positives, however rare the class is."""


class MaskedBce(nn.Module):
    """Mean over the known entries of w y softplus(-x) + (1 - y) softplus(x), with the class weight w of positives.

    Entries with the label NaN are left out; the loss is 0 without any known label.

    Args:
        positive: weight w of each class, or None for 1.

    Example:
        >>> MaskedBce()(torch.tensor([[0.0, 50.0]]), torch.tensor([[1.0, float("nan")]]))
        tensor(0.6931)
    """

    positive: Tensor

    def __init__(self, positive: Sequence[float] | None = None) -> None:
        super().__init__()
        weights = [1.0] if positive is None else list(positive)
        self.register_buffer("positive", torch.tensor(weights, dtype=torch.float32), persistent=False)

    def forward(self, logits_BN: Tensor, labels_BN: Tensor) -> Tensor:
        """The loss, a scalar.

        Args:
            logits_BN: shape (B, ..., N).
            labels_BN: 0, 1, a probability, or NaN for unknown; the same shape.

        Raises:
            ValueError: the shapes do not fit.
        """
        classes = self.positive.numel()
        if logits_BN.shape != labels_BN.shape or classes not in (1, logits_BN.shape[-1]):
            shapes = f"logits {tuple(logits_BN.shape)}, labels {tuple(labels_BN.shape)}, {classes} weights"
            raise ValueError(f"{shapes} do not fit")
        known_BN = ~labels_BN.isnan()
        y_BN = labels_BN.nan_to_num(0.0)
        each_BN = nn.functional.binary_cross_entropy_with_logits(
            logits_BN.float(), y_BN.float(), reduction="none", pos_weight=self.positive.to(logits_BN.device)
        )
        return (each_BN * known_BN).sum() / known_BN.sum().clamp(min=1)


def positive_weights(labels_BN: Tensor, most: float = MOST_WEIGHT) -> list[float]:
    """Negatives over positives of each class, so that both weigh the same; within [1 / most, most].

    A class without a known positive or negative has weight 1.

    Args:
        labels_BN: of the training samples, 0, 1 or NaN.
        most: limit of the weights.
    """
    positive_N, negative_N = (labels_BN >= 0.5).sum(0).tolist(), (labels_BN < 0.5).sum(0).tolist()
    return [
        min(max(negative / positive, 1 / most), most) if positive and negative else 1.0
        for positive, negative in zip(positive_N, negative_N, strict=True)
    ]
