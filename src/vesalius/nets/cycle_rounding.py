"""Round components to the integers that pay: the nearest one, the one below, or 0, whichever costs least.

The cost of an integer is its squared error in steps plus a share of its bits by the prior (rate-distortion optimised
quantisation). Bits depend on the integers around, so the choice is made a few times over.

Letters: G slices, M components, R rows and C columns of cells, N numbers that may not become 0, O integers to choose
from.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from vesalius.nets.cycle_prior import CyclePrior, Rows, known_around

_BIT = 0.12
"""Squared steps that one bit is worth: about (2 ln 2) / 12, the slope of fine quantisation."""
_PLAIN = 0.36
"""Added before cutting to integers, for the first guess: below one half, since zeros are cheap."""
_PASSES = 2
_LARGEST = 1 << 20
_TOKENS_AT_ONCE = 1 << 20


def plain(exact: NDArray[np.float32], offset: float = _PLAIN) -> NDArray[np.int32]:
    """Round towards 0 more often than away from it.

    >>> plain(np.array([-0.7, 0.6, 1.7], np.float32))
    array([-1,  0,  2], dtype=int32)
    """
    sizes = np.minimum(np.floor(np.abs(exact) + np.float32(offset)), _LARGEST)
    return np.copysign(sizes, exact).astype(np.int32)


def thrifty(exact_GMRC: NDArray[np.float32], prior: CyclePrior, quality: int) -> NDArray[np.int32]:
    """Return tokens_GMRC of components in steps."""
    groups = len(exact_GMRC)
    several = max(1, _TOKENS_AT_ONCE // max(1, exact_GMRC[0].size if groups else 1))
    parts = [_thrifty(exact_GMRC[n : n + several], prior, quality) for n in range(0, groups, several)]
    return np.concatenate(parts) if parts else exact_GMRC.astype(np.int32)


def _thrifty(exact_GMRC: NDArray[np.float32], prior: CyclePrior, quality: int) -> NDArray[np.int32]:
    exact_MGRC = np.ascontiguousarray(exact_GMRC.swapaxes(0, 1))
    nearest_MGRC = plain(exact_MGRC, 0.5)
    used = int(np.max(np.flatnonzero(nearest_MGRC.any(axis=(1, 2, 3))), initial=-1)) + 1
    tokens_MGRC = plain(exact_MGRC)
    at_N = np.flatnonzero(nearest_MGRC)
    if not len(at_N):
        return np.ascontiguousarray(tokens_MGRC.swapaxes(0, 1))
    nearest_N, exact_N = nearest_MGRC.reshape(-1)[at_N], exact_MGRC.reshape(-1)[at_N]
    below_N = nearest_N - np.sign(nearest_N)
    choices_ON = np.stack([nearest_N, below_N, np.zeros_like(nearest_N)])
    errors_ON = np.square(choices_ON - exact_N)
    for _ in range(_PASSES):
        known_FN, signs_NS = known_around(tokens_MGRC[:used], prior.related_MR.numpy())
        cells = exact_MGRC[0].size
        rows = Rows(
            torch.from_numpy(np.ascontiguousarray(known_FN[:, at_N].T)),
            torch.from_numpy(signs_NS[at_N]),
            torch.from_numpy(at_N // cells),
            torch.full((len(at_N),), prior.qualities.index(quality)),
            torch.from_numpy(nearest_N),
            torch.ones(len(at_N)),
        )
        bits_ON = np.stack([_bits(prior, rows, choice_N) for choice_N in choices_ON])
        best_N = np.argmin(errors_ON + _BIT * bits_ON, 0)
        tokens_MGRC.reshape(-1)[at_N] = np.take_along_axis(choices_ON, best_N[None], 0)[0]
    return np.ascontiguousarray(tokens_MGRC.swapaxes(0, 1))


@torch.no_grad()
def _bits(prior: CyclePrior, rows: Rows, token_N: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the bits of these integers in the places of the rows."""
    tokens = torch.from_numpy(np.ascontiguousarray(token_N))
    chosen = Rows(rows.known_NF, rows.signs_NS, rows.component_N, rows.quality_N, tokens, rows.weight_N)
    bits_N: NDArray[np.float32] = prior(chosen).numpy()
    return bits_N
