"""Fréchet distance of two sets of pictures in the features of a frozen net (FID, arXiv:1706.08500).

Both sets are taken for Gaussians; the distance is |m1 - m2|^2 + trace(C1 + C2 - 2 (C1 C2)^(1/2)). Its estimate is
biased: with few pictures it is far too large, and by another amount for every net (arXiv:1911.07023). So it is given
from LEAST pictures a side on only; the kernel distance has no such bias.

Letters: N pictures, D features.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEAST = 2_000
"""Pictures a side below which there is no FID."""
Floats = NDArray[np.float64]


def fid(x_ND: ArrayLike, y_ND: ArrayLike) -> float:
    """Return the Fréchet distance of two sets of features.

    Raises:
        ValueError: a set has fewer than two rows.
    """
    moments = []
    for rows in (np.asarray(x_ND, np.float64), np.asarray(y_ND, np.float64)):
        if len(rows) < 2:
            raise ValueError(f"{len(rows)} rows have no covariance")
        moments.append((rows.mean(axis=0), np.atleast_2d(np.cov(rows, rowvar=False))))
    return frechet_distance(*moments[0], *moments[1])


def frechet_distance(mean_D: ArrayLike, cov_DD: ArrayLike, other_mean_D: ArrayLike, other_cov_DD: ArrayLike) -> float:
    """Return the Fréchet distance of two Gaussians.

    The trace of (C1 C2)^(1/2) is the sum of the roots of the eigenvalues of C1^(1/2) C2 C1^(1/2), which is symmetric:
    no root of a matrix that is nearly singular, and no imaginary part.

    Example:
        >>> round(frechet_distance([0.0], [[1.0]], [3.0], [[4.0]]), 6)  # 3^2 + (2 - 1)^2
        10.0
    """
    first, second = np.asarray(cov_DD, np.float64), np.asarray(other_cov_DD, np.float64)
    apart = np.asarray(mean_D, np.float64) - np.asarray(other_mean_D, np.float64)
    root = _root(first)
    shared = np.sqrt(np.clip(np.linalg.eigvalsh(root @ second @ root), 0, None)).sum()
    return float(max(0.0, apart @ apart + np.trace(first) + np.trace(second) - 2 * shared))


def _root(cov_DD: Floats) -> Floats:
    values, vectors = np.linalg.eigh(cov_DD)
    return np.asarray((vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T)
