"""Pictures as overlapping cells: an orthogonal lapped transform ahead of cells of 8 x 8 pixels.

Every border between two cells is crossed by one orthogonal matrix that turns the four pixels on each side of it (the
pre-filter of Tran, Liang and Tu, 2003, with the butterflies of the lapped orthogonal transform). What is quantised in
a cell then fades out into its neighbours, so no blocks show, and equal steps still mean equal errors.

Letters: B pictures, H channels, J rows, I columns, R rows and C columns of cells, Z numbers of a cell (H x 8 x 8).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

CELL = 8
"""Pixels along each side of a cell."""
_REACH = CELL // 2


def cells_of(x_BHJI: Tensor) -> Tensor:
    """Return z_BZRC; rows and columns must be multiples of 8.

    >>> x = torch.randn(1, 2, 16, 24)
    >>> z = cells_of(x)
    >>> z.shape, bool(torch.allclose(pictures_of(z), x, atol=1e-5))
    (torch.Size([1, 128, 2, 3]), True)
    """
    matrix = border_matrix().to(x_BHJI)
    return functional.pixel_unshuffle(_crossed(_crossed(x_BHJI, matrix, 2), matrix, 3), CELL)


def pictures_of(z_BZRC: Tensor) -> Tensor:
    """Return x_BHJI, the inverse of `cells_of`."""
    matrix = border_matrix().to(z_BZRC).T
    return _crossed(_crossed(functional.pixel_shuffle(z_BZRC, CELL), matrix, 3), matrix, 2)


def padded(x_BHJI: Tensor) -> Tensor:
    """Repeat the last row and column until both sides are multiples of 8."""
    rows, columns = (-size % CELL for size in x_BHJI.shape[2:])
    return functional.pad(x_BHJI, (0, columns, 0, rows), mode="replicate") if rows or columns else x_BHJI


def border_matrix() -> Tensor:
    """Return the orthogonal 8 x 8 matrix of a border: sums stay, differences of mirrored pixels are turned.

    >>> matrix = border_matrix()
    >>> bool(torch.allclose(matrix @ matrix.T, torch.eye(8), atol=1e-6))
    True
    """
    place, order = torch.arange(_REACH, dtype=torch.float64), torch.arange(_REACH, dtype=torch.float64)[:, None]
    scale = math.sqrt(2 / _REACH)
    second = torch.cos(math.pi * (place + 0.5) * order / _REACH) * scale
    second[0] /= math.sqrt(2)
    fourth = torch.cos(math.pi * (place + 0.5) * (order + 0.5) / _REACH) * scale
    turn = (second.T @ fourth).flip(0, 1)
    one = torch.eye(_REACH, dtype=torch.float64)
    mirror = one.flip(0)
    butterfly = torch.cat([torch.cat([one, mirror], 1), torch.cat([mirror, -one], 1)])
    both = torch.block_diag(one, turn)  # type: ignore[no-untyped-call]
    return (0.5 * butterfly @ both @ butterfly).float()


def _crossed(x_BHJI: Tensor, matrix: Tensor, axis: int) -> Tensor:
    """Turn the pixels about every border along an axis."""
    size = x_BHJI.shape[axis]
    if size == CELL:
        return x_BHJI
    crossed = x_BHJI.narrow(axis, _REACH, size - CELL)
    inner = crossed.unflatten(axis, (size // CELL - 1, CELL))  # type: ignore[no-untyped-call]
    turned = inner @ matrix.T if axis == 3 else matrix @ inner
    ends = x_BHJI.narrow(axis, 0, _REACH), x_BHJI.narrow(axis, size - _REACH, _REACH)
    return torch.cat([ends[0], turned.flatten(axis, axis + 1), ends[1]], axis)
