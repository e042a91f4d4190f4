"""SimCLR (arXiv:2002.05709): the other view must be found among all pictures of the batch.

Letters: V views (2B), B pictures, D width of the encoder.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field
from torch import Tensor, nn

from vesalius.nets.projection import Projection
from vesalius.objectives.nt_xent import NtXent
from vesalius.tasks.simclr.method import Method
from vesalius.training.task import Logs


class Contrastive(Method):
    """NT-Xent on projections; the defaults are those of REMEDIS."""

    temperature: float = Field(default=0.1, gt=0, description="of the similarities")
    hidden_norm: bool = Field(default=True, description="compare projections at length 1")
    outputs: int = Field(default=128, ge=1, description="numbers in a projection")
    layers: int = Field(default=2, ge=1, description="linear maps of the projection; SimCLR v2 takes 3")

    def head(self, width: int) -> Projection:
        return Projection(inputs=width, outputs=self.outputs, layers=self.layers)

    def loss(self, modules: Mapping[str, nn.Module], whole_VD: Tensor) -> tuple[Tensor, Logs]:
        """Return NT-Xent, and how often the other view is the most similar one."""
        first_BD, second_BD = modules["head"](whole_VD).chunk(2)
        objective = NtXent(self.temperature, hidden_norm=self.hidden_norm)
        logits, labels_B = objective.logits(first_BD, second_BD)
        accuracy = (logits[0].argmax(1) == labels_B).float().mean()
        return objective.of_logits(logits, labels_B), {"contrast_accuracy": accuracy}
