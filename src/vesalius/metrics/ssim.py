"""Structural similarity of pictures, under the rules of `vesalius.metrics.error`.

Letters: C channel, T time, I J K voxel axes; N pictures of J rows and I columns.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import maximum_filter
from skimage.metrics import structural_similarity

from vesalius.metrics.error import as_pair

SSIM_WINDOW = 7
"""Side of the uniform SSIM window in pixels; smaller pictures get the largest odd window that fits, from 3."""


def ssim(reference_CTIJK: ArrayLike, restored_CTIJK: ArrayLike, peak: float) -> float:
    """Mean structural similarity over the 2D pictures (J x I) of all channels, frames and slices.

    Pictures without a measurable window are left out; NaN without any picture.

    Example:
        >>> scan_CTIJK = np.arange(256.0).reshape(1, 1, 16, 16, 1)
        >>> ssim(scan_CTIJK, scan_CTIJK, peak=255.0), ssim(scan_CTIJK, 0 * scan_CTIJK, peak=255.0) < 0.2
        (1.0, True)
    """
    each = ssim_per_picture(to_pictures(reference_CTIJK), to_pictures(restored_CTIJK), peak)
    measured = each[~np.isnan(each)]
    return float(measured.mean()) if measured.size else math.nan


def ssim_per_picture(reference_NJI: ArrayLike, restored_NJI: ArrayLike, peak: float) -> NDArray[np.float64]:
    """Structural similarity of each of N pictures, shape (N,).

    scikit-image's `structural_similarity`: uniform window of SSIM_WINDOW pixels, K1 0.01, K2 0.03, sample
    covariance, data_range = peak; the mean is over windows that lie wholly inside. Windows that touch a non-finite
    reference voxel are left out. NaN where a picture is smaller than 3 pixels or has no window left. A picture with a
    non-finite restored value at a finite reference has a similarity of 0. With a peak of 0 the result is 1 for equal
    pictures, else 0.

    Raises:
        ValueError: the shapes differ.
    """
    reference, restored = as_pair(reference_NJI, restored_NJI)
    window = _window(reference.shape[1:])
    pairs = zip(reference, restored, strict=True)
    return np.array([_ssim(before, after, peak, window) for before, after in pairs], dtype=np.float64)


def to_pictures(array_CTIJK: ArrayLike) -> NDArray[Any]:
    """Pictures (C * T * K, J, I) of an array (C, T, I, J, K), frames before slices."""
    array = np.asarray(array_CTIJK)
    if array.ndim != 5:
        raise ValueError(f"an array of shape {array.shape} is not (C, T, I, J, K)")
    _, _, i, j, _ = array.shape
    return array.transpose(0, 1, 4, 3, 2).reshape(-1, j, i)


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
    if finite.all():
        return float(structural_similarity(reference_JI, restored_JI, win_size=window, data_range=peak))
    fill = reference_JI[finite][0]
    reference, restored = np.where(finite, reference_JI, fill), np.where(finite, restored_JI, fill)
    _, similarity_JI = structural_similarity(reference, restored, win_size=window, data_range=peak, full=True)
    inside = (slice(window // 2, -(window // 2)),) * 2
    touched = maximum_filter(~finite, size=window)[inside]
    kept = similarity_JI[inside][~touched]
    return float(kept.mean()) if kept.size else math.nan
