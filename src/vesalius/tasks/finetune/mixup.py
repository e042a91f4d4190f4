"""Mixup (arXiv:1710.09412): each picture is blended with another one of its batch, and so are their labels.

Letters: B pictures, N classes.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.distributions import Beta


def mixed(batch: Mapping[str, Tensor], alpha: float) -> dict[str, Tensor]:
    """Return share * batch + (1 - share) * the same batch in another order, the share drawn from Beta(alpha, alpha).

    Labels become probabilities; where either is unknown (NaN), so is the mixture. Both losses are linear in the
    labels, so this equals the mixture of the losses. The share is one for the whole batch, as in BiT
    (arXiv:1912.11370). Share and order come from PyTorch's generator, which the loop seeds before every step; with
    several processes each blends its own pictures.

    Args:
        batch: tensors whose first axis is B.
        alpha: of the Beta distribution, above 0.
    """
    share = float(Beta(alpha, alpha).sample())
    first = next(iter(batch.values()))
    order_B = torch.randperm(len(first)).to(first.device)
    return {name: share * tensor + (1 - share) * tensor[order_B] for name, tensor in batch.items()}
