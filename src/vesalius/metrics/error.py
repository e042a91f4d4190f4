"""Errors of a restored image against its reference.

Common rules. Arrays hold real values; all sums are float64. Voxels whose *reference* is NaN or infinite are left out of
every measure (whether a codec keeps them is tested by equality). A restored voxel that is NaN or infinite where the
reference is finite is an infinite error, never left out. Without any voxel a measure is NaN.
Letters: C channel, T time, I J K voxel axes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_PERCENT_LOW, _PERCENT_HIGH = 0.1, 99.9


def peak(values: ArrayLike) -> float:
    """Peak of the signal: p99.9 minus p0.1 of the finite real values of the whole scan; 0.0 without any."""
    array = np.asarray(values, dtype=np.float64)
    finite = array[np.isfinite(array)]
    if not finite.size:
        return 0.0
    low, high = np.percentile(finite, [_PERCENT_LOW, _PERCENT_HIGH])
    return float(high - low)


@dataclass
class SquaredError:
    """Error sums that grow chunk by chunk, so that two whole scans need not be in memory.

    Args:
        squared: sum of squared differences.
        max_error: largest absolute difference.
        voxels: number of voxels compared.

    Example:
        >>> errors = SquaredError.of([0.0, 10.0, 20.0], [1.0, 10.0, 22.0])
        >>> errors.max_error, round(errors.psnr(peak=20.0), 1)
        (2.0, 23.8)
    """

    squared: float = 0.0
    max_error: float = 0.0
    voxels: int = 0

    @classmethod
    def of(cls, reference: ArrayLike, restored: ArrayLike) -> SquaredError:
        """The sums of two whole arrays of one shape."""
        sums = cls()
        sums.add(reference, restored)
        return sums

    def add(self, reference: ArrayLike, restored: ArrayLike) -> None:
        """Add two arrays of one shape.

        Raises:
            ValueError: the shapes differ.
        """
        difference = _difference(reference, restored)
        if not difference.size:
            return
        with np.errstate(over="ignore"):
            self.squared += float(np.square(difference).sum())
        self.max_error = max(self.max_error, float(difference.max()))
        self.voxels += difference.size

    def merge(self, other: SquaredError) -> None:
        """Add the sums of other voxels."""
        self.squared += other.squared
        self.max_error = max(self.max_error, other.max_error)
        self.voxels += other.voxels

    @property
    def mse(self) -> float:
        """Mean squared error."""
        return self.squared / self.voxels if self.voxels else math.nan

    @property
    def rmse(self) -> float:
        """Root of the mean squared error, in the unit of the values."""
        return math.sqrt(self.mse)

    def psnr(self, peak: float) -> float:
        """20 log10(peak / rms error) in dB.

        Infinite where nothing differs, whatever the peak; minus infinite where something differs and the peak is 0
        (an image that is constant but for a few voxels in a thousand) or the error is infinite.
        """
        if not self.voxels:
            return math.nan
        if self.squared == 0:
            return math.inf
        if peak <= 0 or math.isinf(self.squared):
            return -math.inf
        return 10 * (2 * math.log10(peak) - math.log10(self.mse))


def as_pair(reference: ArrayLike, restored: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both as float64. Raises ValueError where the shapes differ."""
    before, after = np.asarray(reference, dtype=np.float64), np.asarray(restored, dtype=np.float64)
    if before.shape != after.shape:
        raise ValueError(f"shapes {before.shape} and {after.shape} differ")
    return before, after


def _difference(reference: ArrayLike, restored: ArrayLike) -> NDArray[np.float64]:
    """Absolute differences where the reference is finite; infinite where only the restored value is not."""
    before, after = as_pair(reference, restored)
    finite = np.isfinite(before)
    if not finite.all():
        before, after = before[finite], after[finite]
    with np.errstate(over="ignore"):
        difference = np.abs(after - before)
    return np.where(np.isnan(difference), np.inf, difference)
