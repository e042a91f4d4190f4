"""Options of `vesalius predict` for detection. Needs no torch."""

from __future__ import annotations

from pydantic import Field

from vesalius.tasks.classify.options import ClassifyOptions


class DetectOptions(ClassifyOptions):
    """What can be chosen when a detection model predicts."""

    intercept_hu: float = Field(
        default=0.0,
        allow_inf_nan=False,
        description="Detection: number added to every value first, e.g. -1024 where air is stored as 0.",
    )
