"""Options of `compress`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vesalius.codec.target import Lossless, MaxError, Psnr, Ratio, Target
from vesalius.config import Config
from vesalius.errors import UsageError


class CompressConfig(Config):
    """What to keep, how small, how hard to try."""

    lossless: bool = Field(default=False, description="write a lossless tier (the default without another target)")
    psnr: float | None = Field(default=None, gt=0, description="at least this PSNR in dB over the whole scan")
    ratio: float | None = Field(default=None, gt=0, description="at least this many times smaller than 2 bytes a voxel")
    max_error: float | None = Field(default=None, gt=0, description="hard bound in the scan's own units")
    coder: str = Field(default="auto", description="name of a coder, or auto")
    effort: Literal["normal", "best"] = Field(default="normal", description="auto tries two coders, or all")
    access: Literal["slice", "frame"] = Field(default="slice", description="what a chunk holds")
    identifiers: Literal["default", "keep", "strip"] = Field(
        default="default", description="what is kept besides pixels"
    )
    threads: int = Field(default=1, ge=1, le=1024, description="chunks coded at a time")

    def targets(self) -> list[Target]:
        """The targets asked for; lossless where none is.

        Raises:
            UsageError: more than one lossy target.
        """
        lossy: list[Target] = []
        if self.psnr is not None:
            lossy.append(Psnr(self.psnr))
        if self.ratio is not None:
            lossy.append(Ratio(self.ratio))
        if self.max_error is not None:
            lossy.append(MaxError(self.max_error))
        if len(lossy) > 1:
            raise UsageError("--psnr, --ratio and --max-error exclude one another", fix="give one of them")
        return [Lossless(), *lossy] if self.lossless or not lossy else lossy
