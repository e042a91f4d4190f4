"""SimSiam (arXiv:2011.10566): each view predicts the other; no negatives, so small batches will do.

Letters: V views (2B), D width of the encoder.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field
from torch import Tensor, nn

from vesalius.nets.projection import Projection
from vesalius.objectives.simsiam import SimSiamLoss
from vesalius.tasks.simclr.method import Method
from vesalius.training.task import Logs


class SimSiam(Method):
    """A projection, a predictor on it, and a stopped gradient. The last norm has a scale, the paper's has none."""

    outputs: int = Field(default=2048, ge=1, description="numbers in a projection")
    layers: int = Field(default=3, ge=1, description="linear maps of the projection")
    hidden: int = Field(default=512, ge=1, description="width of the predictor's hidden layer")

    def head(self, width: int) -> Projection:
        return Projection(inputs=width, outputs=self.outputs, layers=self.layers)

    def helpers(self, width: int) -> dict[str, nn.Module]:
        del width
        return {
            "predictor": nn.Sequential(
                nn.Linear(self.outputs, self.hidden, bias=False),
                nn.BatchNorm1d(self.hidden),
                nn.ReLU(inplace=True),
                nn.Linear(self.hidden, self.outputs),
            )
        }

    def loss(self, modules: Mapping[str, nn.Module], whole_VD: Tensor) -> tuple[Tensor, Logs]:
        projected_VD = modules["head"](whole_VD)
        predicted_VD = modules["predictor"](projected_VD)
        return SimSiamLoss()(*predicted_VD.chunk(2), *projected_VD.chunk(2)), {}
