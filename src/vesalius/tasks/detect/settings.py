"""What a shipped detection model needs besides its head: how slices became vectors, and what was chosen on validation.

A model folder holds the part "head", `calibration.json` and, where scans were learned from, the part "encoder" with
its input contract. Letters: C classes.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vesalius.config import Config
from vesalius.tasks.encode.slices import SliceConfig
from vesalius.training.precision import Precision

Check = Literal["head-ct", "none"]
"""What is asked of a scan before the model says anything about it: to be a head CT in HU, or nothing."""
Unit = Literal["case", "study"]
"""What has one label: a case, or all cases of a study."""
CHECK_WORDS = "head-ct: what does not look like a head CT in HU is refused; none: no check"


class EncoderFacts(Config):
    """Which encoder the vectors are of.

    Args:
        name: as it was called in the configuration, the last part of a path.
        digest: of weights, sizes and precision.
        precision: that it computed with.
    """

    name: str
    digest: str
    precision: Precision


class DetectSettings(Config):
    """`settings` in the `config.json` of a model for the task "detect"."""

    classes: tuple[str, ...] = Field(min_length=1, description="what the logits mean")
    images: tuple[str, ...] = Field(min_length=1, description="images that become the channels")
    unit: Unit = Field(default="case", description="what has one label: a case, or all cases of a study")
    slices: SliceConfig = SliceConfig()
    check: Check = Field(default="none", description=CHECK_WORDS)
    encoder: EncoderFacts | None = Field(default=None, description="none: the head was trained on bare vectors")
