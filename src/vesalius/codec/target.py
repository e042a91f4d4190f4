"""What a user can ask of a compressed file."""

from __future__ import annotations

from dataclasses import dataclass

from vesalius.errors import UsageError


@dataclass(frozen=True)
class Lossless:
    """Every stored value comes back."""

    @property
    def words(self) -> str:
        """The target as the file states it."""
        return "lossless"


@dataclass(frozen=True)
class Psnr:
    """At least `db` decibels over the whole scan, peak = p99.9 minus p0.1 of the real values."""

    db: float

    def __post_init__(self) -> None:
        _positive("--psnr", self.db)

    @property
    def words(self) -> str:
        """The target as the file states it."""
        return f"PSNR {self.db:g} dB"


@dataclass(frozen=True)
class Ratio:
    """2 bytes x voxels over the bytes of the file: at least `ratio`, and at most 5 % more (25 % below 20 kB)."""

    ratio: float

    def __post_init__(self) -> None:
        _positive("--ratio", self.ratio)

    @property
    def words(self) -> str:
        """The target as the file states it."""
        return f"ratio {self.ratio:g}:1"


@dataclass(frozen=True)
class MaxError:
    """No real value differs by more than `error` (in the scan's own units, e.g. HU)."""

    error: float

    def __post_init__(self) -> None:
        _positive("--max-error", self.error)

    @property
    def words(self) -> str:
        """The target as the file states it."""
        return f"max error {self.error:g}"


@dataclass(frozen=True)
class Quality:
    """One rung of a coder's own ladder, for measuring rate-distortion curves."""

    step: float

    @property
    def words(self) -> str:
        """The target as the file states it."""
        return f"quality {self.step:g}"


Target = Lossless | Psnr | Ratio | MaxError | Quality


def _positive(option: str, value: float) -> None:
    if not 0 < value < float("inf"):
        raise UsageError(f"{value} is not a positive number", where=option)
