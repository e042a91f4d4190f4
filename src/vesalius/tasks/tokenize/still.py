"""How well the mean of a slice over time is coded when a tokenizer learns."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from vesalius.codec.still import STILL
from vesalius.config import Config

Crf = Annotated[int, Field(ge=1, le=63)]


class Still(Config):
    """How a mean is coded: AV1 as one key frame."""

    qualities: tuple[Crf, ...] = Field(
        default=(STILL,), min_length=1, description="constant rate factors, of which each example draws one"
    )

    def draw(self, generator: np.random.Generator) -> int:
        """Draw one of the qualities."""
        return self.qualities[int(generator.integers(len(self.qualities)))]
