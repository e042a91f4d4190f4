"""The health of crops' vectors, from the first step on: the numbers that a flat loss is explained by.

Letters: B volumes, G groups of crops (volumes), N crops of a group, D width.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field
from torch import Tensor

from vesalius.errors import TrainingError
from vesalius.metrics.collapse import CollapseConfig
from vesalius.metrics.embedding import correlation, effective_rank, mean_pair_cosine, spread

PANELS = {
    "Loss": ("loss", "voco", "div", "area"),
    "Vectors": ("spread", "base_cosine", "label_correlation", "correlation_gain"),
    "Effective rank": ("effective_rank",),
}
"""Title of a chart -> measures."""
MEANING = {
    "loss": "loss: the sum of its weighted terms",
    "voco": "prediction of overlaps: the term that learns",
    "div": "similarity of different crops of a volume: 0 is best",
    "area": "error of the predicted overlaps",
    "contrastive": "cross-entropy of finding the neighbours",
    "spread": "spread of the vectors: 1 in all directions, 0 collapsed",
    "effective_rank": "effective rank of the vectors",
    "base_cosine": "cosine of different crops of a volume: 1 is collapsed",
    "label_correlation": "correlation of overlap and prediction: 1 is best, 0 is chance",
    "correlation_gain": "gain of that correlation over the net before its first step: 0 or less, nothing was learned",
}


class VolumeHealth(CollapseConfig):
    """What is measured on held-out volumes before the first step and after each epoch, and when a run is given up."""

    most: int = Field(default=64, ge=1, description="volumes of a split that are measured")
    most_cosine: float = Field(default=0.5, ge=0, le=1, description="a collapse has a base_cosine above this")
    least_correlation: float = Field(default=0.1, ge=-1, le=1, description="and a label_correlation below this")

    def check_volumes(self, measures: Mapping[str, float], epoch: int) -> None:
        """Give up where crops have become alike and their predicted overlap says nothing.

        Args:
            measures: of held-out volumes.
            epoch: number of epochs that are done.

        Raises:
            TrainingError: a collapse, after the epochs of grace.
        """
        fix = "lower optimizer.lr, keep the negatives (method.repel, method.distinct), or let the teacher follow"
        self.check(measures, epoch, fix)
        if "base_cosine" not in measures or not self.judged(epoch):
            return
        cosine, known = measures["base_cosine"], measures["label_correlation"]
        if cosine > self.most_cosine and known < self.least_correlation:
            what = (
                f"the encoder has collapsed after {epoch} epochs: different crops of a volume have nearly the same "
                f"vector (cosine {cosine:.2g}), and their overlap is not known (correlation {known:.2g})"
            )
            raise TrainingError(what, where="health", fix=fix)


def batch_health(vectors_GND: Tensor, labels: Tensor, logits: Tensor) -> dict[str, float]:
    """Return the health of the vectors, the cosine of crops of a group, and the correlation of labels and logits."""
    groups = vectors_GND.detach().float().cpu().numpy()
    known = correlation(labels.detach().float().cpu().numpy(), logits.detach().float().cpu().numpy())
    return vector_health(vectors_GND.flatten(0, 1)) | {
        "base_cosine": mean_pair_cosine(groups),
        "label_correlation": known,
    }


def vector_health(vectors_ND: Tensor) -> dict[str, float]:
    """Return spread and effective rank."""
    rows = vectors_ND.detach().float().cpu().numpy()
    return {"spread": spread(rows), "effective_rank": effective_rank(rows)}
