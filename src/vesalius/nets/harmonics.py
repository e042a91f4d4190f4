"""A cycle as harmonics: the discrete Fourier transform over time in real numbers, each harmonic with unit length.

Letters: T frames, H channels of harmonics: the constant, then cosine and sine of each frequency.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def harmonics_of(frames: int, most: int) -> int:
    """Return how many harmonics of a cycle of so many frames are kept, at most `most`; an even T loses its last one.

    >>> [harmonics_of(frames, 6) for frames in (1, 2, 3, 12, 13, 30)]
    [0, 0, 1, 5, 6, 6]
    """
    return min(most, (frames - 1) // 2)


def harmonic_rows(frames: int, harmonics: int) -> Tensor:
    """Return rows_HT, orthonormal: 1 + 2 `harmonics` of them.

    >>> rows = harmonic_rows(7, 3)
    >>> bool(torch.allclose(rows @ rows.T, torch.eye(7), atol=1e-6))
    True
    """
    angle_T = 2 * math.pi * torch.arange(frames, dtype=torch.float64) / frames
    rows = [torch.full((frames,), 1 / math.sqrt(frames), dtype=torch.float64)]
    for number in range(1, harmonics + 1):
        rows += [wave(number * angle_T) * math.sqrt(2 / frames) for wave in (torch.cos, torch.sin)]
    return torch.stack(rows).float()
