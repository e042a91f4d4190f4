"""What a finetuned classifier ships with besides its encoder, head, input contract and calibration."""

from __future__ import annotations

from pydantic import Field

from vesalius.config import Config
from vesalius.tasks.finetune.config import SliceLabels


class FinetuneSettings(Config):
    """`settings` in the `config.json` of a model for the task "finetune"."""

    classes: tuple[str, ...] = Field(min_length=1, description="what the logits mean")
    images: tuple[str, ...] = Field(min_length=1, description="images that become the channels")
    slices: SliceLabels | None = Field(default=None, description="how label maps became labels of slices")
