"""Options of `compress`, declared once for the command line, the verb and `compress_scan`; targets that they name.

A target says what a `.vsl` file must keep, or how small it must be, and checks what was reached.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, get_args

from vesalius.arguments import checked_fields
from vesalius.errors import TargetError, UsageError

Access = Literal["slice", "frame"]
Effort = Literal["normal", "best"]
Identifiers = Literal["default", "keep", "strip"]
RATIO_TOLERANCE, RATIO_CHECKED_FROM = 0.05, 20_000
"""`--ratio` exceeds its target by at most this fraction in files of at least this many bytes."""
SMALL_TOLERANCE = 0.25
"""The same for smaller files, whose header alone may take more than five percent."""


@checked_fields
@dataclass(frozen=True)
class CompressConfig:
    """What to keep, how small to get, how hard to try. Without pydantic, so that the command line starts fast.

    Args:
        lossless: write a lossless tier (the default without another target).
        psnr: least PSNR in dB over the whole scan.
        ratio: least ratio of 2 bytes x voxels over the bytes of the file.
        max_error: hard bound on the error, in the scan's units.
        quality: one rung of the coder's ladder, or a quality of the tokenizer, for measuring curves.
        tier: "tokens": the target is one of a tier of tokens.
        model: folder or name of the tokenizer.
        tokens: how many of the first tokens are kept; None: all; 0: the means of the slices alone, without a model.
        crf: of the coded means of slices beside tokens, for measuring; None: the encoder chooses.
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
    tier: str | None = field(
        default=None, metadata={"flag": "--tier NAME", "help": "tokens: a tier of tokens, by --model."}
    )
    model: str | None = field(default=None, metadata={"help": "Tokenizer: a model folder or name."})
    tokens: int | None = field(
        default=None, metadata={"flag": "--tokens N", "help": "First tokens that are kept; 0: the mean alone."}
    )
    crf: int | None = None
    coder: str = field(
        default="auto",
        metadata={
            "flag": "--coder NAME",
            "help": "auto, deflate, jpegls, jpeg2000, jpegxl, x265, svtav1 or wls.",
            "complete": "coders",
        },
    )
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
        if self.tier not in (None, "tokens"):
            what = f"{self.tier!r} is not a tier that is asked for by name (that is: tokens)"
            raise UsageError(what, where="--tier", fix="lossless: --lossless; lossy: --psnr, --ratio or --max-error")
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
        if self.tier != "tokens" and (self.model, self.tokens, self.crf) != (None, None, None):
            raise UsageError("--model and --tokens are of the tier of tokens", fix="add --tier tokens")
        if len(lossy) > 1:
            raise UsageError("--psnr, --ratio and --max-error exclude one another", fix="give one of them")
        if self.lossless and self.ratio is not None:
            raise UsageError("two tiers are --lossless and one of --psnr, --max-error", fix="leave one target out")
        if self.tier == "tokens":
            return [*([Lossless()] if self.lossless else []), self._tokens()]
        return [Lossless(), *lossy] if self.lossless or not lossy else lossy

    def _tokens(self) -> Target:
        """Return the target of a tier of tokens."""
        if self.max_error is not None:
            raise UsageError("tokens keep no bound on the error", where="--max-error", fix="use --psnr or --ratio")
        aim = Psnr(self.psnr) if self.psnr is not None else Ratio(self.ratio) if self.ratio is not None else None
        if aim is not None and self.tokens:
            raise UsageError("--tokens and a target exclude each other", fix="give one of --tokens, --psnr, --ratio")
        if self.tokens is not None and not 0 <= self.tokens <= 1 << 26:
            raise UsageError(f"{self.tokens} is not a number of tokens", where="--tokens")
        if self.crf is not None and not 1 <= self.crf <= 63:
            raise UsageError(f"{self.crf} is not a crf from 1 to 63")
        if self.model is None and self.tokens != 0:
            raise UsageError("tokens need a model", where="--tier", fix="name it with --model")
        return TokenTarget(self.model, self.tokens, self.quality, self.crf, aim)


class MissedTargetError(TargetError):
    """A coder misses a target by `distance`: decibels, or the logarithm of a ratio."""

    def __init__(self, what: str, *, where: str, fix: str, distance: float) -> None:
        super().__init__(what, where=where, fix=fix)
        self.distance = distance


class Target(ABC):
    """Base of all targets."""

    @property
    @abstractmethod
    def words(self) -> str:
        """The target as the file states it."""

    def check_tier(self, psnr_db: float | None, max_error: float) -> None:  # noqa: B027
        """Raise TargetError where a decoded tier misses the target; `psnr_db` is None where nothing is lost."""

    def check_size(self, voxels: int, size_bytes: int) -> None:  # noqa: B027
        """Raise TargetError where a file of this size misses the target."""


@dataclass(frozen=True)
class Lossless(Target):
    """Every stored value comes back."""

    @property
    def words(self) -> str:
        return "lossless"


@dataclass(frozen=True)
class Psnr(Target):
    """At least `db` decibels over the whole scan; the peak is p99.9 minus p0.1 of the real values.

    Example:
        >>> Psnr(40).words
        'PSNR 40 dB'
    """

    db: float

    def __post_init__(self) -> None:
        _check_positive("--psnr", self.db)

    @property
    def words(self) -> str:
        return f"PSNR {self.db:g} dB"

    def check_tier(self, psnr_db: float | None, max_error: float) -> None:
        if psnr_db is not None and psnr_db < self.db:
            what = f"{self.db:g} dB cannot be kept: the best is {psnr_db:.2f} dB"
            raise TargetError(what, where="--psnr", fix="ask for less, or use lossless")

    def missed(self, coder: str, best_db: float) -> MissedTargetError:
        """Return the error for a coder whose best rung has `best_db` decibels."""
        what = f"{self.db:g} dB cannot be reached with {coder}: the best is {best_db:.1f} dB"
        fix = "ask for less, or use --max-error or lossless"
        return MissedTargetError(what, where="--psnr", fix=fix, distance=self.db - best_db)


@dataclass(frozen=True)
class Ratio(Target):
    """2 bytes x voxels over the bytes of the file: at least `ratio`, and at most 5 % more (25 % below 20 kB).

    Example:
        >>> Ratio(10).check_size(voxels=1_000_000, size_bytes=195_000)
        >>> Ratio(10).check_size(voxels=1_000_000, size_bytes=100_000)
        Traceback (most recent call last):
        vesalius.codec.options.MissedTargetError: --ratio: 10:1 cannot be reached: the nearest is 20:1; ...
    """

    ratio: float

    def __post_init__(self) -> None:
        _check_positive("--ratio", self.ratio)

    @property
    def words(self) -> str:
        return f"ratio {self.ratio:g}:1"

    def check_size(self, voxels: int, size_bytes: int) -> None:
        reached = 2 * voxels / size_bytes
        allowed = RATIO_TOLERANCE if size_bytes >= RATIO_CHECKED_FROM else SMALL_TOLERANCE
        if not self.ratio <= reached <= (1 + allowed) * self.ratio:
            what = f"{self.ratio:g}:1 cannot be reached: the nearest is {reached:.4g}:1"
            raise self.missed(reached, what, fix="ask for that, or choose another --coder")

    def missed(self, nearest: float, what: str, fix: str) -> MissedTargetError:
        """Return the error for a coder whose nearest ratio is `nearest`."""
        return MissedTargetError(what, where="--ratio", fix=fix, distance=abs(math.log(nearest / self.ratio)))


@dataclass(frozen=True)
class MaxError(Target):
    """No real value differs by more than `error` (in the scan's units, e.g. HU)."""

    error: float

    def __post_init__(self) -> None:
        _check_positive("--max-error", self.error)

    @property
    def words(self) -> str:
        return f"max error {self.error:g}"

    def check_tier(self, psnr_db: float | None, max_error: float) -> None:
        if max_error > self.error:
            what = f"{self.error:g} cannot be kept in this number type: the best is {max_error:.4g}"
            raise TargetError(what, where="--max-error", fix="ask for more, or use lossless")


@dataclass(frozen=True)
class Quality(Target):
    """One rung of a coder's ladder, for measuring rate-distortion curves."""

    step: float

    @property
    def words(self) -> str:
        return f"quality {self.step:g}"


@dataclass(frozen=True)
class TokenTarget(Target):
    """A tier of tokens of `model`, the first `prefix` of them (None: all), for a PSNR or a ratio (`aim`) or neither."""

    model: str | None
    prefix: int | None
    quality: float | None = None
    crf: int | None = None
    aim: Psnr | Ratio | None = None

    @property
    def words(self) -> str:
        parts = [
            "tokens" if self.prefix is None else f"{self.prefix} tokens",
            *([] if self.quality is None else [f"quality {self.quality:g}"]),
            *([] if self.crf is None else [f"crf {self.crf}"]),
            *([] if self.aim is None else [self.aim.words]),
        ]
        return ", ".join(parts)

    def check_tier(self, psnr_db: float | None, max_error: float) -> None:
        if self.aim is not None:
            self.aim.check_tier(psnr_db, max_error)

    def check_size(self, voxels: int, size_bytes: int) -> None:
        if not isinstance(self.aim, Ratio):
            return
        reached = 2 * voxels / size_bytes
        most = (1 + RATIO_TOLERANCE) * self.aim.ratio if size_bytes >= RATIO_CHECKED_FROM else math.inf
        if not self.aim.ratio <= reached <= most:
            what = f"{self.aim.ratio:g}:1 cannot be reached with tokens: the nearest is {reached:.4g}:1"
            raise self.aim.missed(reached, what, fix="ask for that")

    def note(self, voxels: int, size_bytes: int) -> str | None:
        """Return what is to be said of a file too small for the upper limit of its ratio."""
        reached = 2 * voxels / size_bytes
        if not isinstance(self.aim, Ratio) or reached <= (1 + RATIO_TOLERANCE) * self.aim.ratio:
            return None
        return f"{reached:.4g}:1 was reached, {self.aim.ratio:g}:1 asked for: a file below 20 kB has no finer steps"


def _check_positive(option: str, value: float) -> None:
    if not 0 < value < float("inf"):
        raise UsageError(f"{value} is not a positive number", where=option)
