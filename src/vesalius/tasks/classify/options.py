"""Options of `vesalius predict` for classifiers. Needs no torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vesalius.tasks.predictor import PredictOptions

HeatMap = Literal["logit", "rollout"]


class ClassifyOptions(PredictOptions):
    """What can be chosen when a classifier of slices predicts.

    Example:
        >>> options = ClassifyOptions(top_k=3)
        >>> options.given, options.heat_map
        ({'top_k': 3}, 'logit')
    """

    top_k: int = Field(default=5, ge=1, description="Classifiers: number of suspicious slices to report.")
    heat_map: HeatMap = Field(
        default="logit",
        description="Classifiers: logit of the finding for each patch, or where the encoder's attention goes.",
    )
