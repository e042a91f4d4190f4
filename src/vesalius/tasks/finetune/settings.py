"""What a shipped head needs besides the encoder above it.

A model folder holds the encoder (`config.json`, `model.safetensors`, `preprocessor.json`) and, in `head/`, the layer
that gives logits of its class token or pooled map.
"""

from __future__ import annotations

from pydantic import Field

from vesalius.config import Config

HEAD = "head"


class FinetuneSettings(Config):
    """`settings` in the `config.json` of a head for the task "finetune"."""

    classes: tuple[str, ...] = Field(min_length=1, description="what the logits mean")
    images: tuple[str, ...] = Field(min_length=1, description="images that become the channels")
