"""What `evaluate codec` measures."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from vesalius.config import Config


def _names(given: Any) -> Any:
    """Names without blanks; empty ones are left out."""
    if isinstance(given, list | tuple) and all(isinstance(name, str) for name in given):
        return tuple(name.strip() for name in given if name.strip())
    return given


Names = Annotated[tuple[str, ...], BeforeValidator(_names)]


class CodecEvaluationConfig(Config):
    """What `evaluate codec` measures.

    Example:
        >>> CodecEvaluationConfig(coders=("svtav1", " x265 "), points=4).coders
        ('svtav1', 'x265')
    """

    coders: Names = Field(
        default=("svtav1", "x265", "jpeg2000", "jpegxl"), description="Coders to compare, comma-separated."
    )
    lossless: Names = Field(
        default=("wls", "jpegxl", "jpeg2000", "jpegls", "x265"), description="Coders for lossless files."
    )
    points: int = Field(default=8, ge=1, description="Rate points per coder and study.")
    judge: str | None = Field(
        default=None, description="Segmentation model that finds the heart before and after: Dice, EDV, ESV, EF."
    )
