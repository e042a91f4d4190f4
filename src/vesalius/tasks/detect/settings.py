"""Settings that ship with a detection model: how slices became vectors.

A model folder holds the part "head", `calibration.json` and, where scans were learned from, the part "encoder" with
its input contract. Letters: C classes.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vesalius.config import Config
from vesalius.tasks.encode.slices import SliceConfig
from vesalius.training.device import Precision

Check = Literal["head-ct", "none"]
"""Plausibility check run before prediction: "head-ct" or "none"."""
Unit = Literal["case", "study"]
"""What carries one label: a case, or all cases of a study."""
CHECK_WORDS = "head-ct: what does not look like a head CT in HU is refused; none: no check"


class EncoderFacts(Config):
    """The encoder that made the vectors.

    Args:
        name: its name in the configuration, the last part of a path.
        digest: of weights, sizes and precision.
        precision: of its computation.
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
