"""Vectors from the maps of a pyramid: one of the whole image, one of each place.

Letters: B batch, C channels of a map, I J K its cells, L places, D channels of all maps together.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def whole_and_places(maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return (whole_BD, places_BLD): the means of all maps laid side by side, over the image and over each place.

    A place is a cell of the last, coarsest map. The mean over places is the vector of the whole.

    Args:
        maps: (B, C, I, J, K) or (B, C, I, J) each, finest first; axes are multiples of those of the last.

    Example:
        >>> whole_BD, places_BLD = whole_and_places([torch.ones(2, 3, 4, 4), torch.ones(2, 5, 2, 2)])
        >>> whole_BD.shape, places_BLD.shape
        (torch.Size([2, 8]), torch.Size([2, 4, 8]))
    """
    grid = maps[-1].shape[2:]
    pool = functional.avg_pool3d if len(grid) == 3 else functional.avg_pool2d
    sides = [[size // last for size, last in zip(cells.shape[2:], grid, strict=True)] for cells in maps]
    places = [pool(cells, side).flatten(2) for cells, side in zip(maps, sides, strict=True)]
    places_BLD = torch.cat(places, 1).transpose(1, 2)
    return places_BLD.mean(1), places_BLD
