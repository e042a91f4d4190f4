"""Compression targets: what a `.vsl` file must keep, or how small it must be. A target checks what was reached."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vesalius.errors import TargetError, UsageError

RATIO_TOLERANCE, RATIO_CHECKED_FROM = 0.05, 20_000
"""`--ratio` exceeds its target by at most this fraction in files of at least this many bytes."""
SMALL_TOLERANCE = 0.25
"""The same for smaller files, whose header alone may take more than five percent."""


class MissedTargetError(TargetError):
    """A coder misses a target by `distance`: decibels, or the logarithm of a ratio."""

    def __init__(self, what: str, *, where: str, fix: str, distance: float) -> None:
        super().__init__(what, where=where, fix=fix)
        self.distance = distance


class Target:
    """Base of all targets."""

    @property
    def words(self) -> str:
        """The target as the file states it."""
        raise NotImplementedError

    def check_tier(self, psnr_db: float | None, max_error: float) -> None:
        """Raise TargetError where a decoded tier misses the target; `psnr_db` is None where nothing is lost."""

    def check_size(self, voxels: int, size_bytes: int) -> None:
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
        vesalius.codec.target.MissedTargetError: --ratio: 10:1 cannot be reached: the nearest is 20:1; ...
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


def _check_positive(option: str, value: float) -> None:
    if not 0 < value < float("inf"):
        raise UsageError(f"{value} is not a positive number", where=option)
