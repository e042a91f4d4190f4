"""The loss of UME: segmentation, different keyframes, agreement of two draws of keyframes, smoothness along the frames.

Letters: B batch, N classes or regions, N in BNE keyframes, E width, I J voxel axes of a frame, K frames, X voxels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, NamedTuple

import torch
from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator
from torch import Tensor, nn

from vesalius.objectives.dice_ce import NOT_LABELLED, DiceCeConfig, Weight
from vesalius.objectives.keyframe_diversity import keyframe_diversity
from vesalius.objectives.objective import Loss, Objective, Terms


class Draws(NamedTuple):
    """What a net gives for one or two draws of keyframes.

    Args:
        logits: of each draw, (B, N, I, J, K).
        keyframes_BNE: a vector for each keyframe; all draws.
    """

    logits: tuple[Tensor, ...]
    keyframes_BNE: Tensor


class UmeLoss(Objective):
    """Weights of the terms; the defaults are those of the description of UME.

    With a weight for `consistency` each batch goes through the net twice, with two draws of keyframes; `segmentation`
    is the mean of both.
    """

    segmentation: Annotated[SerializeAsAny[Objective], BeforeValidator(Objective.read)] = Field(
        default=DiceCeConfig(), description="loss of the logits, dice_ce or dice_bce; its weight is 1"
    )
    diversity: Weight = Field(default=0.1, description="of the squared cosines between keyframes of a scan")
    consistency: Weight = Field(default=0.05, description="of the squared difference of the probabilities of two draws")
    temporal: Weight = Field(
        default=0.03, description="of the squared change from frame to frame where the labels do not change"
    )

    @model_validator(mode="after")
    def _segmentation_of_logits(self) -> UmeLoss:
        if self.segmentation.of_keyframes:
            raise ValueError("segmentation takes logits alone: choose dice_ce or dice_bce")
        return self

    @property
    def of_regions(self) -> bool:
        return self.segmentation.of_regions

    @property
    def of_keyframes(self) -> bool:
        return True

    def outputs(self, net: nn.Module, batch: Mapping[str, Tensor]) -> Draws:
        """Return one draw, or two in one pass."""
        image = batch["image"]
        count = 2 if self.consistency else 1
        logits, keyframes_BNE = net(torch.cat([image] * count), keyframes=True)
        return Draws(logits.chunk(count), keyframes_BNE)

    def make(self) -> Loss:
        segmentation = self.segmentation.make()

        def loss(draws: Draws, batch: Mapping[str, Tensor]) -> tuple[Tensor, Terms]:
            each = [segmentation(logits, batch)[0] for logits in draws.logits]
            p = [self._probabilities(logits) for logits in draws.logits]
            terms = {"seg": torch.stack(each).mean(), "div": keyframe_diversity(draws.keyframes_BNE)}
            if len(p) > 1:
                terms["consistency"] = disagreement(p[0], p[1])
            if self.temporal:
                terms["temporal"] = torch.stack([roughness(one, batch["classes"]) for one in p]).mean()
            weights = {"seg": 1.0, "div": self.diversity}
            weights |= {"consistency": self.consistency, "temporal": self.temporal}
            total = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
            return total, {name: term.detach() for name, term in terms.items()}

        return loss

    def _probabilities(self, logits: Tensor) -> Tensor:
        return logits.float().sigmoid() if self.of_regions else logits.float().softmax(1)


def disagreement(one_BNIJK: Tensor, other_BNIJK: Tensor) -> Tensor:
    """Return the mean squared difference of the probabilities of two draws, summed over classes or regions.

    Example:
        >>> disagreement(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])).item()
        2.0
    """
    return (one_BNIJK - other_BNIJK).square().sum(1).mean()


def roughness(p_BNIJK: Tensor, classes_BIJK: Tensor) -> Tensor:
    """Return the mean squared change of the probabilities from a frame to the next, where both have one label.

    The mean over a scan, then over the scans; one without such voxels counts as 0.

    Args:
        p_BNIJK: probabilities; frames along K.
        classes_BIJK: classes, or NOT_LABELLED.
    """
    before, after = classes_BIJK[..., :-1], classes_BIJK[..., 1:]
    same_BX = ((before == after) & (before != NOT_LABELLED)).to(p_BNIJK.dtype).flatten(1)
    change_BX = p_BNIJK.diff(dim=-1).square().sum(1).flatten(1)
    return ((change_BX * same_BX).sum(1) / same_BX.sum(1).clamp(min=1)).mean()
