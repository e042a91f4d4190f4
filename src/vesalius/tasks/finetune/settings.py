"""What a shipped classifier needs besides its two parts, the encoder and the head on its vectors."""

from __future__ import annotations

from pydantic import Field

from vesalius.config import Config


class FinetuneSettings(Config):
    """`settings` in the `config.json` of a model for the task "finetune"."""

    classes: tuple[str, ...] = Field(min_length=1, description="what the logits mean")
    images: tuple[str, ...] = Field(min_length=1, description="images that become the channels")
