"""Options of `compress`, declared once for the command line, the verb and `compress_scan`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import Field

from vesalius.codec.target import Lossless, MaxError, Psnr, Quality, Ratio, Target
from vesalius.config import Config
from vesalius.errors import UsageError

Access = Literal["slice", "frame"]
Effort = Literal["normal", "best"]


class CompressConfig(Config):
    """What to keep, how small to get, how hard to try.

    Example:
        >>> CompressConfig(lossless=True, psnr=45).targets()
        [Lossless(), Psnr(db=45.0)]
    """

    lossless: bool = Field(default=False, description="Keep every value (the default).")
    psnr: float | None = Field(default=None, gt=0, description="At least this PSNR in dB over the whole scan.")
    ratio: float | None = Field(
        default=None,
        gt=0,
        description="At least N:1 against 16 bits a voxel, at most 5 % more (25 % below 20 kB).",
    )
    max_error: float | None = Field(default=None, gt=0, description="Hard bound on the error, in real units.")
    quality: float | None = Field(default=None, description="One rung of the coder's ladder, to measure curves.")
    coder: str = Field(default="auto", description="auto, or a coder (see vesalius info).")
    effort: Effort = Field(default="normal", description="normal: auto tries two coders; best: all.")
    access: Access = Field(default="slice", description="A chunk is a slice over time, or a few frames.")
    identifiers: Literal["default", "keep", "strip"] = Field(
        default="default",
        description="What is kept besides pixels: keep all DICOM attributes, or strip free text (NIfTI and DICOM).",
    )
    threads: int | None = Field(
        default=None, ge=1, le=1024, description="Chunks coded at a time; all processors by default."
    )

    @property
    def words(self) -> str:
        """The targets as the file states them, e.g. "PSNR 40 dB"."""
        return ", ".join(target.words for target in self.targets())

    def targets(self) -> list[Target]:
        """The targets of these options: lossless where no other is set.

        Raises:
            UsageError: more than one lossy target, or lossless besides a ratio or a quality.
        """
        kinds: dict[str, Callable[[float], Target]] = {
            "psnr": Psnr,
            "ratio": Ratio,
            "max_error": MaxError,
            "quality": Quality,
        }
        lossy = [kind(getattr(self, key)) for key, kind in kinds.items() if getattr(self, key) is not None]
        if len(lossy) > 1:
            raise UsageError("--psnr, --ratio and --max-error exclude one another", fix="give one of them")
        if self.lossless and any(isinstance(target, Ratio) for target in lossy):
            raise UsageError("two tiers are --lossless and one of --psnr, --max-error", fix="leave one target out")
        return [Lossless(), *lossy] if self.lossless or not lossy else lossy
