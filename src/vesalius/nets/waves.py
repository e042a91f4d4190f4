"""Slow waves over the frames of a cycle and over slices: how any number of them becomes a fixed number, and back.

Letters: T frames, F waves over time, K slices, S waves over slices.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def time_waves(frames: int, harmonics: int) -> tuple[Tensor, Tensor]:
    """Return the real Fourier transform of a cycle up to a harmonic: analysis_FT and synthesis_TF.

    The waves are the mean, then cosine and sine of each harmonic; a cycle of few frames has fewer. Amplitudes do not
    depend on the number of frames. Synthesis after analysis is exact where all harmonics are there.

    Example:
        >>> analysis_FT, synthesis_TF = time_waves(4, 6)
        >>> analysis_FT.shape, torch.dist(synthesis_TF @ analysis_FT, torch.eye(4)) < 1e-6
        (torch.Size([4, 4]), tensor(True))
    """
    place_T = torch.arange(frames, dtype=torch.float64) * (2 * math.pi / frames)
    rows = [torch.ones(frames, dtype=torch.float64)]
    weights = [1.0]
    for harmonic in range(1, harmonics + 1):
        if 2 * harmonic > frames:
            break
        rows.append((harmonic * place_T).cos())
        weights.append(1.0 if 2 * harmonic == frames else 2.0)
        if 2 * harmonic < frames:
            rows.append((harmonic * place_T).sin())
            weights.append(2.0)
    rows_FT = torch.stack(rows)
    analysis_FT = rows_FT * torch.tensor(weights, dtype=torch.float64)[:, None] / frames
    return analysis_FT.float(), rows_FT.T.contiguous().float()


def time_count(frames: int, harmonics: int) -> int:
    """Return F for a cycle."""
    return min(2 * harmonics + 1, frames)


def slice_waves(slices: int, waves: int) -> tuple[Tensor, Tensor]:
    """Return the cosine transform along a stack of slices: analysis_SK and synthesis_KS; S = min(waves, slices)."""
    place_K = (torch.arange(slices, dtype=torch.float64) + 0.5) * (math.pi / slices)
    rows_SK = torch.stack([(wave * place_K).cos() for wave in range(min(waves, slices))])
    weights_S = torch.tensor([1.0] + [2.0] * (len(rows_SK) - 1), dtype=torch.float64)
    return (rows_SK * weights_S[:, None] / slices).float(), rows_SK.T.contiguous().float()
