"""Cross-entropy of classes of which each sample has exactly one.

Letters: B samples, N classes.
"""

from __future__ import annotations

from torch import Tensor, nn


class SoftCe(nn.Module):
    """Mean over the samples of - sum_n y_n log softmax(x)_n, where y may be a distribution (mixup, arXiv:1710.09412).

    With smoothing s, y becomes (1 - s) y + s / N (arXiv:1512.00567). Samples with a NaN among their labels are left
    out; the loss is 0 without any other.

    Args:
        smoothing: s, in [0, 1).

    Example:
        >>> import torch
        >>> SoftCe()(torch.tensor([[0.0, 0.0]]), torch.tensor([[0.5, 0.5]]))
        tensor(0.6931)
    """

    def __init__(self, smoothing: float = 0.0) -> None:
        super().__init__()
        self._smoothing = smoothing

    def forward(self, logits_BN: Tensor, labels_BN: Tensor) -> Tensor:
        """The loss, a scalar.

        Args:
            logits_BN: shape (B, N).
            labels_BN: rows of sum 1, or with a NaN; the same shape.

        Raises:
            ValueError: the shapes do not fit.
        """
        if logits_BN.shape != labels_BN.shape:
            raise ValueError(f"logits {tuple(logits_BN.shape)}, labels {tuple(labels_BN.shape)} do not fit")
        known_B = ~labels_BN.isnan().any(1)
        y_BN = (1 - self._smoothing) * labels_BN.nan_to_num(0.0) + self._smoothing / labels_BN.shape[1]
        each_B = -(y_BN * logits_BN.float().log_softmax(1)).sum(1)
        return (each_B * known_B).sum() / known_B.sum().clamp(min=1)
