"""Random numbers of a batch that several processes share.

Letters: B rows of this process.
"""

from __future__ import annotations

import torch
from torch import Tensor, distributed


def dealt(shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Return uniform numbers of 0 to 1 for the rows of this process, shape (B, ...).

    Every process draws for the rows of all and takes its own, dealt out one after the other as the loop deals out the
    samples of a batch. So several processes with equally seeded generators have the numbers of one with all rows, and
    their generators stay alike. All processes must have equally many rows.

    Example:
        >>> dealt((2, 3), torch.device("cpu")).shape
        torch.Size([2, 3])
    """
    rank, processes = place_among()
    return torch.rand(shape[0] * processes, *shape[1:], device=device)[rank::processes]


def place_among() -> tuple[int, int]:
    """Return the number of this process, and how many there are."""
    together = distributed.is_available() and distributed.is_initialized()
    return (distributed.get_rank(), distributed.get_world_size()) if together else (0, 1)
