"""Soft Dice (Milletari et al. 2016, arXiv:1606.04797) with cross-entropy, as nnU-Net adds them (arXiv:1809.10486).

Letters: B batch, N classes with the background first, X voxels (all spatial axes).
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from vesalius.objectives.objective import Loss, Objective

NOT_LABELLED = -1
"""Voxels with this label enter neither term."""

Weight = Annotated[float, Field(ge=0)]
Over = Literal["sample", "batch"]


class DiceCeConfig(Objective):
    """Weights of `DiceCe` on the logits, with "classes" and "missing" of the batch."""

    dice: Weight = Field(default=1.0, description="weight of the Dice term")
    ce: Weight = Field(default=1.0, description="weight of the cross-entropy")
    over: Over = Field(default="sample", description="sums of a class run over each of these")

    def make(self) -> Loss:
        module = DiceCe(self.dice, self.ce, self.over)
        return lambda logits, batch: (module(logits, batch["classes"], batch["missing"]), {})


class DiceCe(nn.Module):
    """`dice` * (1 - mean soft Dice of the classes besides the background) + `ce` * mean cross-entropy.

    Soft Dice of a class is (2 sum(p y) + s) / (sum(p) + sum(y) + s) with s = `smooth`; with s > 0 a class that is
    neither present nor predicted counts as 1. Milletari's squares in the denominator are left out, as in nnU-Net.

    Args:
        dice: weight of the Dice term.
        ce: weight of the cross-entropy.
        over: sums of a class run over each "sample" (MONAI's default) or over the "batch" (steadier for small classes).
        smooth: s.

    Example:
        >>> logits_BNX = torch.tensor([[[9.0, 9.0, -9.0], [-9.0, -9.0, 9.0]]])
        >>> DiceCe()(logits_BNX, torch.tensor([[0, 0, 1]])) < 1e-3
        tensor(True)
    """

    def __init__(self, dice: float = 1.0, ce: float = 1.0, over: Over = "sample", smooth: float = 1e-5) -> None:
        super().__init__()
        self.dice, self.ce, self.over, self.smooth = dice, ce, over, smooth

    def forward(self, logits_BNX: Tensor, target_BX: Tensor, missing_BN: Tensor | None = None) -> Tensor:
        """The loss, a scalar.

        Args:
            logits_BNX: shape (B, N, ...).
            target_BX: classes 0 to N - 1 or NOT_LABELLED, shape (B, ...), int64.
            missing_BN: True for classes that were not labelled in a sample although they may be present. They are part
                of its background, where the sum of their probabilities and the background's counts (marginal loss,
                Shi et al. 2021, arXiv:2007.03868), and they do not enter the Dice of that sample. Bool.

        Raises:
            ValueError: the shapes do not fit.
        """
        if logits_BNX.shape[:1] + logits_BNX.shape[2:] != target_BX.shape:
            raise ValueError(f"logits {tuple(logits_BNX.shape)} do not fit targets {tuple(target_BX.shape)}")
        logits_BNX, target_BX = logits_BNX.float().flatten(2), target_BX.flatten(1)
        if missing_BN is None:
            missing_BN = logits_BNX.new_zeros(logits_BNX.shape[:2], dtype=torch.bool)
        labelled_BX = target_BX != NOT_LABELLED
        target_BX = target_BX.clamp(min=0)
        log_p_BNX = _with_hidden(logits_BNX.log_softmax(1), missing_BN)
        each_BX = nn.functional.nll_loss(log_p_BNX, target_BX, reduction="none")
        entropy = (each_BX * labelled_BX).sum() / labelled_BX.sum().clamp(min=1)
        p_BNX = log_p_BNX[:, 1:].exp() * labelled_BX[:, None]
        classes = torch.arange(1, logits_BNX.shape[1], device=target_BX.device)
        y_BNX = ((target_BX[:, None] == classes[:, None]) & labelled_BX[:, None]).to(p_BNX.dtype)
        overlap = soft_dice(p_BNX, y_BNX, ~missing_BN[:, 1:], self.over, self.smooth)
        return self.dice * (1 - overlap) + self.ce * entropy


def soft_dice(p_BNX: Tensor, y_BNX: Tensor, known_BN: Tensor, over: Over, smooth: float) -> Tensor:
    """Return the mean soft Dice of what is known, a scalar.

    Args:
        p_BNX: probabilities, 0 where nothing is labelled.
        y_BNX: 0 or 1, likewise.
        known_BN: bool, which classes (or regions) of a sample count.
        over: sums run over each sample or the batch.
        smooth: added to numerator and denominator.
    """
    known_BN = known_BN.to(p_BNX.dtype)
    both_BN, sizes_BN = (p_BNX * y_BNX).sum(2) * known_BN, (p_BNX.sum(2) + y_BNX.sum(2)) * known_BN
    if over == "batch":
        both_BN, sizes_BN, known_BN = both_BN.sum(0), sizes_BN.sum(0), known_BN.amax(0)
    overlap = (2 * both_BN + smooth) / (sizes_BN + smooth)
    return (overlap * known_BN).sum() / known_BN.sum().clamp(min=1)


def _with_hidden(log_p_BNX: Tensor, missing_BN: Tensor) -> Tensor:
    """Log-probabilities with those of the missing classes added to the background's."""
    if not missing_BN.any():
        return log_p_BNX
    hides_BN = missing_BN.clone()
    hides_BN[:, 0] = True
    background_BX = log_p_BNX.masked_fill(~hides_BN[:, :, None], -torch.inf).logsumexp(1)
    return torch.cat([background_BX[:, None], log_p_BNX[:, 1:]], 1)
