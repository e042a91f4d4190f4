"""The rows of all processes, with gradients, for losses and norms over the whole batch.

Letters: B rows of this process, A rows of all processes, D width.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed


def processes() -> int:
    """Return how many processes train together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def rank() -> int:
    """Return the number of this process among them."""
    return distributed.get_rank() if processes() > 1 else 0


def gathered(rows_BD: Tensor) -> Tensor:
    """Return the rows of all processes, process by process, shape (A, D); equally many come from each.

    A gradient flows back into the rows of every process from the losses of all, as their sum. The loop averages
    gradients over processes, so the mean of the processes' losses is what is minimised: as in one process with the
    whole batch.

    Example:
        >>> gathered(torch.ones(2, 3)).shape
        torch.Size([2, 3])
    """
    if processes() == 1:
        return rows_BD
    rows_AD: Tensor = _Gather.apply(rows_BD)
    return rows_AD


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows_BD: Tensor) -> Tensor:
        ctx.count = len(rows_BD)
        parts = [torch.empty_like(rows_BD) for _ in range(processes())]
        distributed.all_gather(parts, rows_BD.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient_AD: Tensor) -> Tensor:
        summed_AD = gradient_AD.clone(memory_format=torch.contiguous_format)  # autograd keeps the one it passed
        distributed.all_reduce(summed_AD)
        start = rank() * ctx.count
        return summed_AD[start : start + ctx.count]
