"""The step of a quantiser that keeps a bound on the error of real values, floating-point rounding included."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from vesalius.codec.survey import Survey
from vesalius.scan.intensity import Intensity
from vesalius.scan.scan import Scan

_EXACT = 1 << 53
"""Integers up to this magnitude are exact in float64."""
_ROUNDINGS = 4
"""Roundings between a stored value and a restored one or a real difference: product, sum, type, and one to spare."""


def quantum(scan: Scan, found: Survey, error: float) -> float | None:
    """Stored difference of one quantum, so that no real value is off by more than `error`.

    Args:
        scan: dtype and intensity map count.
        found: range of its stored values.
        error: bound in real units, above 0.

    Returns:
        2 n + 1 for integers; a little under twice the bound for floats; None where the bound is below what the stored
        type resolves (or the range overflows float64), so that only lossless coding keeps it.
    """
    slope = float(np.abs(scan.intensity.slope_TK).max())
    span = found.stored_high - found.stored_low
    largest = max(abs(found.stored_low), abs(found.stored_high))
    if slope == 0 or not math.isfinite(4 * span):
        return None
    allowed = (Fraction(error) - Fraction(_rounding(scan.intensity, largest))) / Fraction(slope)
    if scan.dtype.kind in "iu":
        whole = min(math.floor(allowed), math.ceil(span))
        return 2.0 * whole + 1 if whole >= 1 and largest < _EXACT else None
    room = _ROUNDINGS * float(np.spacing(scan.dtype.type(largest)))
    bound = float(min(allowed, Fraction(span or 1.0))) - room
    return 2 * bound * (1 - 1e-6) if bound > room else None


def _rounding(intensity: Intensity, largest: float) -> float:
    """By how much rounding can move the difference of two real values; 0 where all of them are exact in float64."""
    moved = 0.0
    pairs = np.unique(np.stack([intensity.slope_TK.ravel(), intensity.inter_TK.ravel()]), axis=1)
    for slope, inter in pairs.T.tolist():
        reach = abs(slope) * largest + abs(inter)
        grain = max(Fraction(slope).denominator, Fraction(inter).denominator)  # real values are multiples of 1 / grain
        if not (largest.is_integer() and Fraction(reach) * grain < _EXACT):
            moved = max(moved, _ROUNDINGS * reach * 2.0**-53)
    return moved
