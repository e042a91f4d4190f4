"""The self-supervision of UME: a main crop and its overlapping neighbours.

Letters: B volumes, K neighbours, N crops of a volume (the main one first), E width of a projection.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field
from torch import Tensor, nn

from vesalius.config import Config
from vesalius.nets.ume import UMEEncoder
from vesalius.objectives.keyframe_diversity import keyframe_diversity
from vesalius.objectives.neighbour_overlap import NeighbourOverlapLoss
from vesalius.objectives.voco import redundancy
from vesalius.tasks.voco.crops import cut_crops
from vesalius.tasks.voco.geometry import NeighbourCrops
from vesalius.tasks.voco.health import batch_health
from vesalius.tasks.voco.method import OverlapMethod
from vesalius.training.task import Logs, bare
from vesalius.weights.saved import ENCODER, HEAD


class NeighbourWeights(Config):
    """Weights of the terms; the defaults are those of the description of UME."""

    voco: float = Field(default=1.0, ge=0, description="of contrastive and area together")
    diversity: float = Field(default=0.1, ge=0, description="of the similarity of keyframes, or of neighbours")
    contrastive: float = Field(default=0.5, ge=0, description="within voco")
    area: float = Field(default=0.3, ge=0, description="within voco")


class NeighbourOverlap(OverlapMethod):
    """NeighbourCrops are found among those of all volumes of this process, and their overlap is predicted.

    `div` is the similarity of the keyframes that UME takes of a crop, or with another encoder that of the neighbours.
    """

    geometry: NeighbourCrops = NeighbourCrops()
    temperature: float = Field(default=0.07, gt=0, description="of the contrastive term")
    lambda_area: float = Field(default=1.0, ge=0, description="a further factor of the area")
    weights: NeighbourWeights = NeighbourWeights()
    hidden: int = Field(default=1024, ge=1, description="width of the layers of the head")
    outputs: int = Field(default=256, ge=1, description="numbers in a projection")

    def loss(self, modules: Mapping[str, nn.Module], batch: Mapping[str, Tensor]) -> tuple[Tensor, Logs]:
        crops = cut_crops(batch["image"], batch, self.geometry.crop, self.seen)
        encoder, each = modules[ENCODER], crops.flatten(0, 1)
        takes_keyframes = isinstance(bare(encoder), UMEEncoder)
        vectors, _, *keyframes = encoder(each, keyframes=True) if takes_keyframes else encoder(each)
        projections_BNE = modules[HEAD](vectors).reshape(*crops.shape[:2], -1)
        main_BE, neighbours_BKE = projections_BNE[:, 0], projections_BNE[:, 1:]
        weights, labels_BK = self.weights, batch["labels"]
        objective = NeighbourOverlapLoss(self.temperature, weights.contrastive, weights.area, self.lambda_area)
        terms = objective(main_BE, neighbours_BKE, labels_BK)
        similar = terms.voco.new_zeros(())
        if keyframes:
            similar = keyframe_diversity(keyframes[0])
        elif neighbours_BKE.shape[1] > 1:
            similar = redundancy(neighbours_BKE)
        logs: dict[str, Tensor | float] = {
            "voco": terms.voco.detach(),
            "div": similar.detach(),
            "area": terms.area.detach(),
            "contrastive": terms.contrastive.detach(),
        }
        health = batch_health(neighbours_BKE, terms.labels_BN, terms.logits_BN)
        return weights.voco * terms.voco + weights.diversity * similar, logs | health
