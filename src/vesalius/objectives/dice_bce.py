"""Soft Dice with binary cross-entropy on regions that may overlap, such as whole tumour and tumour core.

As in the BraTS solution of nnU-Net (arXiv:2011.00848). Letters: B batch, N classes with the background first, R
regions, X voxels (all spatial axes).
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor
from torch.nn import functional

from vesalius.objectives.dice_ce import NOT_LABELLED, Over, Weight, soft_dice
from vesalius.objectives.objective import Loss, Objective, Terms

_SMOOTH = 1e-5


class DiceBceConfig(Objective):
    """Weights of the terms on the logits of regions, with "classes", "missing" and "regions" (R, N) of the batch."""

    dice: Weight = Field(default=1.0, description="weight of the Dice term")
    bce: Weight = Field(default=1.0, description="weight of the binary cross-entropy")
    over: Over = Field(default="sample", description="sums of a region run over each of these")

    @property
    def of_regions(self) -> bool:
        return True

    def make(self) -> Loss:
        def loss(logits_BRX: Tensor, batch: Terms) -> tuple[Tensor, Terms]:
            overlap, entropy = region_terms(
                logits_BRX, batch["classes"], batch["missing"], batch["regions"], over=self.over
            )
            return self.dice * (1 - overlap) + self.bce * entropy, {}

        return loss


def region_terms(
    logits_BRX: Tensor, classes_BX: Tensor, missing_BN: Tensor, members_RN: Tensor, *, over: Over = "sample"
) -> tuple[Tensor, Tensor]:
    """Return the mean soft Dice and the mean binary cross-entropy of the regions, both scalars.

    A region with a class that was not labelled in a sample counts in neither.

    Args:
        logits_BRX: shape (B, R, ...).
        classes_BX: classes 0 to N - 1 or NOT_LABELLED, shape (B, ...).
        missing_BN: classes that were not labelled in a sample, bool.
        members_RN: which classes make a region, bool.
        over: sums of Dice run over each sample or the batch.
    """
    logits_BRX, classes_BX = logits_BRX.float().flatten(2), classes_BX.flatten(1)
    labelled_B1X = (classes_BX != NOT_LABELLED)[:, None]
    members_NR = members_RN.T.to(logits_BRX.dtype)
    y_BRX = members_NR[classes_BX.clamp(min=0)].transpose(1, 2) * labelled_B1X
    known_BR = ~(missing_BN[:, None] & members_RN).any(2)
    counted_BRX = labelled_B1X & known_BR[:, :, None]
    each_BRX = functional.binary_cross_entropy_with_logits(logits_BRX, y_BRX, reduction="none")
    entropy = (each_BRX * counted_BRX).sum() / counted_BRX.sum().clamp(min=1)
    return soft_dice(logits_BRX.sigmoid() * labelled_B1X, y_BRX, known_BR, over, _SMOOTH), entropy
