"""A distance between pictures in the features of a frozen network.

Letters: B pictures, C channel, J rows, I columns, L places, D features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

Features = Callable[[Tensor], Sequence[Tensor]]
"""x_BCJI to features of one or several levels, each of shape (B, D, ...)."""
_EPSILON = 1e-12


def perceptual(x_BCJI: Tensor, truth_BCJI: Tensor, features: Features) -> Tensor:
    """Return the mean over levels of the squared distance of features, relative to their length in the original.

    As LPIPS (arXiv:1801.03924), with any network in place of trained weights. Departure: both pictures are divided by
    one length, that of the original's features at the place and on average over the picture; LPIPS scales each to
    length 1 alone, which makes the noise of black air as loud as the heart.

    Args:
        x_BCJI: pictures that are judged; gradients flow to them.
        truth_BCJI: the originals.
        features: of a frozen network.
    """
    levels, targets = features(x_BCJI), features(truth_BCJI.detach())
    total = x_BCJI.new_zeros(())
    for level, target in zip(levels, targets, strict=True):
        target_BDL = target.detach().float().flatten(2)
        length_BL = target_BDL.square().sum(1)
        apart_BL = (level.float().flatten(2) - target_BDL).square().sum(1)
        total = total + (apart_BL / (length_BL + length_BL.mean(1, keepdim=True) + _EPSILON)).mean()
    return total / len(levels)
