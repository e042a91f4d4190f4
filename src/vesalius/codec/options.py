"""Options of `compress`, declared once for the command line, the verb and `compress_scan`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, get_args

from vesalius.codec.target import Lossless, MaxError, Psnr, Quality, Ratio, Target
from vesalius.errors import UsageError

Access = Literal["slice", "frame"]
Effort = Literal["normal", "best"]
Identifiers = Literal["default", "keep", "strip"]


@dataclass(frozen=True)
class CompressConfig:
    """What to keep, how small to get, how hard to try. Without pydantic, so that the command line starts fast.

    Args:
        lossless: write a lossless tier (the default without another target).
        psnr: least PSNR in dB over the whole scan.
        ratio: least ratio of 2 bytes x voxels over the bytes of the file.
        max_error: hard bound on the error, in the scan's units.
        quality: one rung of the coder's ladder, for measuring curves.
        coder: name of a coder, or auto.
        effort: with auto, "normal" tries two coders and "best" all.
        access: what a chunk holds, see Chunking.
        identifiers: what is kept besides pixels, see `vesalius.scan.native.Native.pack`.
        threads: chunks coded at a time; None: all processors.

    Raises:
        UsageError: a wrong value, more than one lossy target, or lossless besides a ratio.

    Example:
        >>> CompressConfig(lossless=True, psnr=45).targets()
        [Lossless(), Psnr(db=45.0)]
    """

    lossless: bool = field(default=False, metadata={"help": "Keep every value (the default)."})
    psnr: float | None = field(default=None, metadata={"flag": "--psnr DB", "help": "At least this PSNR."})
    ratio: float | None = field(
        default=None,
        metadata={
            "flag": "--ratio N",
            "help": "At least N:1 against 16 bits a voxel, at most 5 % more (25 % below 20 kB).",
        },
    )
    max_error: float | None = field(default=None, metadata={"flag": "--max-error E", "help": "Hard bound, real units."})
    quality: float | None = None
    coder: str = field(default="auto", metadata={"help": "auto, or a coder (see vesalius info)."})
    effort: Effort = field(default="normal", metadata={"help": "normal: auto tries two coders; best: all."})
    access: Access = field(default="slice", metadata={"help": "A chunk is a slice over time, or a few frames."})
    identifiers: Identifiers = "default"
    threads: int | None = None

    def __post_init__(self) -> None:
        for name in ("psnr", "ratio", "max_error", "quality"):
            value = getattr(self, name)
            try:
                object.__setattr__(self, name, None if value is None else float(value))
            except (TypeError, ValueError) as error:
                raise UsageError(f"{value!r} is not a number", where=f"--{name.replace('_', '-')}") from error
        for name, choices in (("effort", Effort), ("access", Access), ("identifiers", Identifiers)):
            if getattr(self, name) not in get_args(choices):
                what = f"{getattr(self, name)!r} is not one of {', '.join(get_args(choices))}"
                raise UsageError(what, where=f"--{name}")
        if self.threads is not None and not 1 <= self.threads <= 1024:
            raise UsageError(f"{self.threads} is not a number from 1 to 1024", where="--threads")
        self.targets()

    @property
    def words(self) -> str:
        """The targets as the file states them, e.g. "PSNR 40 dB"."""
        return ", ".join(target.words for target in self.targets())

    def targets(self) -> list[Target]:
        """Return the targets of these options: lossless where no other is set."""
        values = (self.psnr, self.ratio, self.max_error, self.quality)
        kinds: tuple[Callable[[float], Target], ...] = (Psnr, Ratio, MaxError, Quality)
        lossy = [kind(value) for kind, value in zip(kinds, values, strict=True) if value is not None]
        if len(lossy) > 1:
            raise UsageError("--psnr, --ratio and --max-error exclude one another", fix="give one of them")
        if self.lossless and self.ratio is not None:
            raise UsageError("two tiers are --lossless and one of --psnr, --max-error", fix="leave one target out")
        return [Lossless(), *lossy] if self.lossless or not lossy else lossy
