"""Vectors of many examples, from which a codebook begins. Letters: N vectors, E numbers of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from vesalius.tasks.tokenize.method import Examples

_MOST_BATCHES = 32


@torch.no_grad()
def several(batches: Iterable[Examples], rows: Callable[[Examples], Tensor], enough: int) -> Tensor:
    """Return the rows of some batches: of as many as give enough rows, at most 32.

    Args:
        batches: examples.
        rows: batch -> y_NE.
        enough: number of rows that will do.

    Example:
        >>> batches = ({"x": torch.full((2, 1), float(number))} for number in range(9))
        >>> several(batches, lambda batch: batch["x"], 3).ravel().tolist()
        [0.0, 0.0, 1.0, 1.0]
    """
    held: list[Tensor] = []
    for number, batch in enumerate(batches):
        held.append(rows(batch))
        if number + 1 == _MOST_BATCHES or sum(map(len, held)) >= enough:
            break
    return torch.cat(held)
