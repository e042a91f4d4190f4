"""How far a restored image is from its reference.

Common rules. Arrays hold real values; everything is computed in float64. Voxels whose *reference* is NaN or infinite
are left out of every measure (a codec that must keep them is judged by equality, not by these). A restored voxel
that is NaN or infinite where the reference is finite is an infinite error, never left out. No voxel left: NaN.
Letters: C channel, T time, I J K voxel axes; N pictures of J rows and I columns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import maximum_filter
from skimage.metrics import structural_similarity

SSIM_WINDOW = 7
"""Side of the uniform SSIM window in pixels; smaller pictures get the largest odd window that fits, from 3."""
_PERCENT_LOW, _PERCENT_HIGH = 0.1, 99.9


def peak(values: ArrayLike) -> float:
    """The signal's peak: p99.9 minus p0.1 of the finite real values of the whole scan; 0.0 where there are none."""
    array = np.asarray(values, dtype=np.float64)
    finite = array[np.isfinite(array)]
    if not finite.size:
        return 0.0
    low, high = np.percentile(finite, [_PERCENT_LOW, _PERCENT_HIGH])
    return float(high - low)


@dataclass
class SquaredError:
    """Error sums that grow chunk by chunk, so that no two whole scans need to be in memory.

    Args:
        squared: sum of squared differences.
        absolute: sum of absolute differences.
        max_error: largest absolute difference.
        voxels: voxels compared.
    """

    squared: float = 0.0
    absolute: float = 0.0
    max_error: float = 0.0
    voxels: int = 0

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
        self.absolute += float(difference.sum())
        self.max_error = max(self.max_error, float(difference.max()))
        self.voxels += difference.size

    def merge(self, other: SquaredError) -> None:
        """Add the sums of other voxels."""
        self.squared += other.squared
        self.absolute += other.absolute
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

    @property
    def mae(self) -> float:
        """Mean absolute error."""
        return self.absolute / self.voxels if self.voxels else math.nan

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


def mse(reference: ArrayLike, restored: ArrayLike) -> float:
    """Mean squared error."""
    return _whole(reference, restored).mse


def mae(reference: ArrayLike, restored: ArrayLike) -> float:
    """Mean absolute error."""
    return _whole(reference, restored).mae


def max_error(reference: ArrayLike, restored: ArrayLike) -> float:
    """Largest absolute error; NaN where no voxel is compared."""
    sums = _whole(reference, restored)
    return sums.max_error if sums.voxels else math.nan


def psnr(reference: ArrayLike, restored: ArrayLike, peak: float) -> float:
    """Peak signal-to-noise ratio in dB; see `SquaredError.psnr` for its ends."""
    return _whole(reference, restored).psnr(peak)


def ssim(reference_CTIJK: ArrayLike, restored_CTIJK: ArrayLike, peak: float) -> float:
    """Mean structural similarity over the 2D pictures (J x I) of all channels, frames and slices.

    Pictures in which no window could be measured are left out; NaN where that is all of them.
    """
    each = ssim_per_picture(to_pictures(reference_CTIJK), to_pictures(restored_CTIJK), peak)
    measured = each[~np.isnan(each)]
    return float(measured.mean()) if measured.size else math.nan


def ssim_per_picture(reference_NJI: ArrayLike, restored_NJI: ArrayLike, peak: float) -> NDArray[np.float64]:
    """Structural similarity of each of N pictures, shape (N,).

    scikit-image's `structural_similarity`: uniform window of SSIM_WINDOW pixels, K1 0.01, K2 0.03, sample
    covariance, data_range = peak; the mean is over windows that lie wholly inside. Windows that touch a non-finite
    reference voxel are left out. NaN where a picture is smaller than 3 pixels or has no window left. A picture with a
    non-finite restored value at a finite reference has a similarity of 0. With a peak of 0 the measure is undefined:
    1 where the pictures are equal, else 0.

    Raises:
        ValueError: the shapes differ.
    """
    reference, restored = _pair(reference_NJI, restored_NJI)
    window = _window(reference.shape[1:])
    pairs = zip(reference, restored, strict=True)
    return np.array([_ssim(one, other, peak, window) for one, other in pairs], dtype=np.float64)


def to_pictures(array_CTIJK: ArrayLike) -> NDArray[Any]:
    """(C, T, I, J, K) to pictures (C * T * K, J, I), frames before slices."""
    array = np.asarray(array_CTIJK)
    if array.ndim != 5:
        raise ValueError(f"an array of shape {array.shape} is not (C, T, I, J, K)")
    _, _, i, j, _ = array.shape
    return array.transpose(0, 1, 4, 3, 2).reshape(-1, j, i)


def _pair(reference: ArrayLike, restored: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    one, other = np.asarray(reference, dtype=np.float64), np.asarray(restored, dtype=np.float64)
    if one.shape != other.shape:
        raise ValueError(f"shapes {one.shape} and {other.shape} differ")
    return one, other


def _difference(reference: ArrayLike, restored: ArrayLike) -> NDArray[np.float64]:
    """Absolute differences where the reference is finite; infinite where only the restored value is not."""
    one, other = _pair(reference, restored)
    finite = np.isfinite(one)
    with np.errstate(over="ignore"):
        difference = np.abs(other[finite] - one[finite])
    return np.where(np.isnan(difference), np.inf, difference)


def _whole(reference: ArrayLike, restored: ArrayLike) -> SquaredError:
    sums = SquaredError()
    sums.add(reference, restored)
    return sums


def _window(shape_JI: tuple[int, ...]) -> int:
    fits = min(SSIM_WINDOW, *shape_JI)
    return fits if fits % 2 else fits - 1


def _ssim(reference_JI: NDArray[np.float64], restored_JI: NDArray[np.float64], peak: float, window: int) -> float:
    finite = np.isfinite(reference_JI)
    if window < 3 or not finite.any():
        return math.nan
    if not np.isfinite(restored_JI[finite]).all():
        return 0.0
    if peak <= 0:
        return float(np.array_equal(reference_JI[finite], restored_JI[finite]))
    fill = reference_JI[finite][0]
    reference, restored = np.where(finite, reference_JI, fill), np.where(finite, restored_JI, fill)
    _, similarity_JI = structural_similarity(reference, restored, win_size=window, data_range=peak, full=True)
    inside = (slice(window // 2, -(window // 2)),) * 2
    touched = maximum_filter(~finite, size=window)[inside]
    kept = similarity_JI[inside][~touched]
    return float(kept.mean()) if kept.size else math.nan
