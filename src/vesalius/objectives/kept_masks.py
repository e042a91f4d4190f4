"""What a segmenter finds in a picture should stay: its masks on the reconstruction against those on the original.

Letters: B pictures, C channel, J rows, I columns, N classes with the background first.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

_EPSILON = 1e-6


def kept_masks(x_BCJI: Tensor, truth_BCJI: Tensor, segmenter: Callable[[Tensor], Tensor]) -> Tensor:
    """Return 1 minus the mean soft Dice of the masks on the reconstruction with those on the original.

    An image has no Dice with a mask, so both go through the same frozen segmenter: probabilities on the
    reconstruction, the most probable class of each pixel on the original. Each class that the original shows counts
    once for each picture; where it shows none, the loss is 0.

    Args:
        x_BCJI: reconstructions; gradients flow to them.
        truth_BCJI: originals.
        segmenter: frozen; x_BCJI to logits_BNJI.
    """
    with torch.no_grad():
        logits_BNJI = segmenter(truth_BCJI)
        classes_BNJI = nn.functional.one_hot(logits_BNJI.argmax(1), logits_BNJI.shape[1]).movedim(-1, 1)
        y_BNP = classes_BNJI[:, 1:].flatten(2).float()
        shown_BN = y_BNP.any(2)
    p_BNP = segmenter(x_BCJI).float().softmax(1)[:, 1:].flatten(2)
    dice_BN = 2 * (p_BNP * y_BNP).sum(2) / (p_BNP.sum(2) + y_BNP.sum(2)).clamp(min=_EPSILON)
    return ((1 - dice_BN) * shown_BN).sum() / shown_BN.sum().clamp(min=1)
