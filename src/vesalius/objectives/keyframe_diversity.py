"""Keyframes should differ: the squared cosines between their vectors.

Letters: B batch, N keyframes, D width.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def keyframe_diversity(y_BND: Tensor) -> Tensor:
    """Return the mean squared cosine over all pairs of different keyframes of a scan, 0 to 1; one keyframe gives 0.

    Args:
        y_BND: a vector for each keyframe.

    Example:
        >>> keyframe_diversity(torch.tensor([[[1.0, 0.0], [2.0, 0.0]]])).item()
        1.0
    """
    unit_BND = functional.normalize(y_BND.float(), dim=-1)
    count = y_BND.shape[1]
    if count == 1:
        return (0 * unit_BND).sum()
    cosine_BNN = unit_BND @ unit_BND.transpose(1, 2)
    others_NN = ~torch.eye(count, dtype=torch.bool, device=y_BND.device)
    return cosine_BNN[:, others_NN].square().mean()
