"""Rate-distortion curves: reading between their points, and the Bjontegaard delta rate.

Interpolation is monotone (PCHIP) in the logarithm of the ratio, never beyond the measured ends. Delta rate:
G. Bjontegaard, ITU-T SG16 VCEG-M33 (2001), with PCHIP in place of the cubic fit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator

MIN_OVERLAP_DB = 1.0
"""Curves that overlap by less have no delta rate."""


@dataclass(frozen=True)
class Curve:
    """Measured points of one coder on one scan, from the smallest file to the largest.

    Points without a finite PSNR, and points that cost more bytes without a higher PSNR, are left out, so the curve is
    strictly monotone.

    Args:
        ratios: compression ratios, falling.
        psnr_db: PSNR in dB, rising.

    Example:
        >>> old, new = Curve.of([10, 40], [50, 40]), Curve.of([20, 80], [50, 40])
        >>> round(delta_rate(old, new).percent, 1)
        -50.0
        >>> round(value_at_ratio(new.ratios, new.psnr_db, 40), 1)
        45.0
    """

    ratios: tuple[float, ...]
    psnr_db: tuple[float, ...]

    @classmethod
    def of(cls, ratios: ArrayLike, psnr_db: ArrayLike) -> Curve:
        """A curve from points in any order.

        Raises:
            ValueError: lengths differ, or a ratio is not positive.
        """
        kept_ratios, kept_db = _monotone(ratios, psnr_db)
        return cls(tuple(kept_ratios.tolist()), tuple(kept_db.tolist()))

    def __len__(self) -> int:
        return len(self.ratios)


@dataclass(frozen=True)
class DeltaRate:
    """Bjontegaard delta rate.

    Args:
        percent: mean difference in bytes at equal PSNR; negative where the tested coder needs fewer.
        low_db: lower end of the PSNR range that both curves cover.
        high_db: upper end.
    """

    percent: float
    low_db: float
    high_db: float


def delta_rate(anchor: Curve, tested: Curve) -> DeltaRate | None:
    """Difference in bytes of `tested` to `anchor`, averaged over the PSNR range that both cover.

    Returns:
        None where a curve has fewer than two points or the curves share less than MIN_OVERLAP_DB.
    """
    if len(anchor) < 2 or len(tested) < 2:
        return None
    low = max(anchor.psnr_db[0], tested.psnr_db[0])
    high = min(anchor.psnr_db[-1], tested.psnr_db[-1])
    if high - low < MIN_OVERLAP_DB:
        return None
    mean_log = (_log_rate(tested).integrate(low, high) - _log_rate(anchor).integrate(low, high)) / (high - low)
    return DeltaRate(100 * math.expm1(float(mean_log)), low, high)


def ratio_at_psnr(curve: Curve, db: float) -> float | None:
    """The ratio at which the coder still reaches `db`; None outside the measured range."""
    if not len(curve) or not curve.psnr_db[0] <= db <= curve.psnr_db[-1]:
        return None
    if len(curve) == 1:
        return curve.ratios[0]
    return math.exp(-float(_log_rate(curve)(db)))


def value_at_ratio(ratios: ArrayLike, values: ArrayLike, ratio: float) -> float | None:
    """Any measure that rises with the bytes (SSIM, PSNR), read at a ratio; None outside the measured range.

    Raises:
        ValueError: lengths differ, or a ratio is not positive.
    """
    kept, values = _monotone(ratios, values)
    if not kept.size or not kept[-1] <= ratio <= kept[0]:
        return None
    if kept.size == 1:
        return float(values[0])
    return float(PchipInterpolator(-np.log(kept), values)(-math.log(ratio)))


def _log_rate(curve: Curve) -> PchipInterpolator:
    """Natural logarithm of the rate (1 / ratio) as a function of PSNR."""
    return PchipInterpolator(curve.psnr_db, -np.log(curve.ratios))


def _monotone(ratios: ArrayLike, values: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points by falling ratio; each has a higher value than all smaller files."""
    x, y = np.asarray(ratios, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"{x.shape} ratios and {y.shape} values")
    if not (x > 0).all():
        raise ValueError("a ratio is not positive")
    order = np.lexsort((-y, -x))  # equal files: the better first
    x, y = x[order], y[order]
    x, y = x[np.isfinite(y)], y[np.isfinite(y)]
    if not x.size:
        return x, y
    best_before = np.concatenate([[-np.inf], np.maximum.accumulate(y)[:-1]])
    kept = y > best_before
    return x[kept], y[kept]
