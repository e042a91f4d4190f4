"""Options of `vesalius embed`. Needs no torch."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from vesalius.tasks.encode.slices import SliceConfig
from vesalius.training.precision import Precision
from vesalius.transforms.ct_slices import CtWindow

MIDDLE = -1
"""Number that stands for the middle slice."""


class EmbedOptions(SliceConfig):
    """Which slices an encoder takes, how they are shown to it, and which patches are compared.

    Example:
        >>> options = EmbedOptions(stride=2, slice=4)
        >>> options.choice.stride, options.precision
        (2, 'auto')
    """

    slice: int = Field(default=MIDDLE, ge=MIDDLE, description="slice of the similarity map; -1: the middle one")
    patch: tuple[int, int] | None = Field(
        default=None, description="row and column of the patch that others are compared with; none: the middle one"
    )
    window: CtWindow | None = Field(default=None, description="how CT slices are shown; none: as in training")
    batch: int = Field(default=16, ge=1, description="slices in a batch")
    precision: Precision = Field(default="auto", description="auto: bf16 where the hardware has it")
    cache: Path | None = Field(default=None, description="folder where vectors are kept; none: that of the user")

    @property
    def choice(self) -> SliceConfig:
        """The choice of slices alone."""
        return SliceConfig(**{name: getattr(self, name) for name in SliceConfig.model_fields})
