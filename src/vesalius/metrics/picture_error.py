"""A restored or generated picture against the real one of the same pixels: PSNR, SSIM, MAE, MSE.

They mean something only where a pair exists, as in reconstruction: a generated picture that obeys its caption and mask
is another picture, and these measures would punish it.

Letters: C channel, J rows, I columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from vesalius.metrics.error import SquaredError, as_pair
from vesalius.metrics.spread import finite_mean
from vesalius.metrics.ssim import ssim_per_picture

GRADES: dict[str, tuple[tuple[float, str], ...]] = {
    "psnr": ((40, "excellent"), (30, "good"), (20, "acceptable")),
    "ssim": ((0.95, "excellent"), (0.85, "good"), (0.70, "acceptable")),
    "dice": ((0.9, "excellent"), (0.7, "good"), (0.5, "acceptable")),
    "iou": ((0.8, "excellent"), (0.5, "good"), (0.3, "acceptable")),
}
"""Measure -> least value and its word; what is below is poor. Words of convention: no measure knows what is enough."""


@dataclass(frozen=True)
class PictureError:
    """Errors of one picture.

    Args:
        psnr: dB; infinite for equal pictures.
        ssim: mean over channels, 1 for equal pictures; NaN for pictures below 3 pixels.
        mae: mean absolute difference, in the unit of the values.
        mse: mean squared difference.
    """

    psnr: float
    ssim: float
    mae: float
    mse: float


def picture_error(restored_CJI: ArrayLike, reference_CJI: ArrayLike, peak: float) -> PictureError:
    """Measure a picture; `peak` is the range of the values, 255 for eight bits.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> error = picture_error(np.full((1, 8, 8), 30.0), np.full((1, 8, 8), 20.0), 255)
        >>> error.mae, error.mse, round(error.psnr, 2)
        (10.0, 100.0, 28.13)
    """
    reference, restored = as_pair(reference_CJI, restored_CJI)
    squared = SquaredError.of(reference, restored)
    return PictureError(
        psnr=squared.psnr(peak),
        ssim=finite_mean(ssim_per_picture(reference, restored, peak).tolist()),
        mae=float(np.abs(restored - reference).mean()),
        mse=squared.mse,
    )


def grade(measure: str, value: float) -> str:
    """Return the word for a value.

    Example:
        >>> grade("psnr", 32.45), grade("dice", 0.4)
        ('good', 'poor')
    """
    return next((word for least, word in GRADES[measure] if value >= least), "poor")
