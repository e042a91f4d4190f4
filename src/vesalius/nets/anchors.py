"""Latent tokens that are tied to cells of coarse grids, so that each knows from the start which patches it stands for.

A free token must first learn where to look, which takes many steps; an anchored one starts as the mean of the patches
of its cell, and is spread over them again, linearly between cells.

Letters: L tokens, P patches row by row.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

Grid = tuple[int, ...]
"""Cells or patches along each axis, rows first."""


def anchored(anchors: tuple[Grid, ...]) -> int:
    """Return L, the number of cells of all grids.

    Example:
        >>> anchored(((2, 2), (4, 4)))
        20
    """
    return sum(math.prod(grid) for grid in anchors)


@lru_cache(maxsize=64)
def anchor_maps(anchors: tuple[Grid, ...], patches: Grid) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the maps from patches to tokens (L, P) and back (P, L), for a grid of patches.

    Tokens come grid by grid; within one, neighbours lie far apart in the order, so that the first tokens cover the
    whole picture.

    Args:
        anchors: a grid of cells for each level.
        patches: the grid of patches; cells are a share of it, whatever its size.

    Returns:
        pool_LP: the mean of the patches under each cell. spread_PL: linear interpolation between the centres of cells.

    Example:
        >>> pool_LP, spread_PL = anchor_maps(((1, 2),), (1, 4))
        >>> pool_LP.tolist(), spread_PL[:, 0].tolist()
        ([[0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5]], [1.0, 0.75, 0.25, 0.0])
    """
    pools, spreads = [], []
    for cells in anchors:
        order = _scattered(cells)
        pairs = list(zip(cells, patches, strict=True))
        pools.append(_product([_shares(*pair) for pair in pairs])[order])
        spreads.append(_product([_between(*pair) for pair in pairs])[:, order])
    return np.concatenate(pools).astype(np.float32), np.concatenate(spreads, 1).astype(np.float32)


def _shares(cells: int, patches: int) -> NDArray[np.float64]:
    """For each cell the share of each patch in it, along one axis."""
    edges = np.arange(cells + 1) * patches / cells
    low, high = edges[:-1, None], edges[1:, None]
    place = np.arange(patches)[None]
    overlap = np.clip(np.minimum(high, place + 1) - np.maximum(low, place), 0, None)
    shares: NDArray[np.float64] = overlap / overlap.sum(1, keepdims=True)
    return shares


def _between(cells: int, patches: int) -> NDArray[np.float64]:
    """For each patch its weights of the two nearest cells, along one axis; at the ends of the nearest one."""
    place = np.clip((np.arange(patches) + 0.5) * cells / patches - 0.5, 0, cells - 1)
    weights: NDArray[np.float64] = np.clip(1 - np.abs(place[:, None] - np.arange(cells)[None]), 0, None)
    return weights


def _product(maps: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    whole: NDArray[np.float64] = np.ones((1, 1))
    for along in maps:
        whole = np.kron(whole, along).astype(np.float64)
    return whole


def _scattered(cells: Grid) -> list[int]:
    """Return the order of cells: by the bits of their coordinates, interleaved and read backwards."""
    bits = max(1, (max(cells) - 1).bit_length())

    def key(cell: Grid) -> list[int]:
        return [(side >> bit) & 1 for bit in range(bits) for side in cell]

    numbered = list(enumerate(product(*(range(side) for side in cells))))
    return [number for number, _ in sorted(numbered, key=lambda pair: key(pair[1]))]
