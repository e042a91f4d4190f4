"""Choosing which steps of a coder's ladder to measure: few, but from very good to very bad.

Ratios and decibels are read between measured points only, so the points must enclose what will be asked for.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

HIGH_DB, LOW_DB = 45.0, 28.0
HIGH_RATIO, LOW_RATIO = 1000.0, 90.0
"""The points shall reach from HIGH_DB in every region and LOW_RATIO to LOW_DB and HIGH_RATIO, if the ladder does."""
USELESS_DB = 24.0
"""Below this in the whole field nothing is left to see: no further point is measured, whatever the ratio."""
_EXTRA_FOR_ENDS = 4
_EXPECTED_SPAN_DB = 35.0
_SMALLEST_GAP_DB = 0.5


@dataclass(frozen=True)
class Reading:
    """What one step gave.

    Args:
        ratio: compression ratio.
        decibels: PSNR of the whole field, then of the heart region if there is one.
    """

    ratio: float
    decibels: tuple[float, ...]


def walk(read: Callable[[int], Reading], rungs: int, points: int) -> dict[int, Reading]:
    """Measure about `points` rungs of a ladder.

    The middle first; then outwards, guessing from the slope so far, until both ends are reached; then the widest
    gaps in PSNR.

    Args:
        read: measures a rung (0 is the best).
        rungs: length of the ladder.
        points: rungs wanted; up to four more where the ends are hard to find.

    Returns:
        rung -> reading, from best to worst.
    """
    readings = {rungs // 2: read(rungs // 2)}
    limit = min(rungs, points + _EXTRA_FOR_ENDS)
    for towards in (-1, 1):
        while len(readings) < limit:
            end = min(readings) if towards < 0 else max(readings)
            if end == (0 if towards < 0 else rungs - 1) or _reached(readings[end], towards):
                break
            rung = min(max(end + towards * max(_stride(readings, rungs, towards), 1), 0), rungs - 1)
            readings[rung] = read(rung)
    while len(readings) < points:
        gap = _middle_of_widest_gap(readings)
        if gap is None:
            break
        readings[gap] = read(gap)
    return dict(sorted(readings.items()))


def _reached(reading: Reading, towards: int) -> bool:
    if towards < 0:
        return min(reading.decibels) >= HIGH_DB and reading.ratio <= LOW_RATIO
    if reading.decibels[0] <= USELESS_DB:
        return True
    return max(reading.decibels) <= LOW_DB and reading.ratio >= HIGH_RATIO


def _stride(readings: dict[int, Reading], rungs: int, towards: int) -> int:
    """How many rungs the end should lie further out, by the slope of the two outermost readings."""
    ordered = sorted(readings, reverse=towards > 0)
    last = readings[ordered[0]]
    away = HIGH_DB - min(last.decibels) if towards < 0 else max(last.decibels) - LOW_DB
    per_rung = _EXPECTED_SPAN_DB / rungs
    if len(ordered) > 1:
        change = abs(last.decibels[0] - readings[ordered[1]].decibels[0]) / abs(ordered[0] - ordered[1])
        per_rung = change if math.isfinite(change) and change > 0 else per_rung
    if not math.isfinite(away):
        return 1
    return math.ceil(away / per_rung) if away > 0 else rungs // 16


def _middle_of_widest_gap(readings: dict[int, Reading]) -> int | None:
    """A rung between the two neighbours that differ most within the range of interest; None where none is left."""
    ordered = sorted(readings)
    gaps = [
        (_within(readings[one]) - _within(readings[other]), (one + other) // 2)
        for one, other in itertools.pairwise(ordered)
        if other - one > 1
    ]
    gap, rung = max(gaps, default=(0.0, 0))
    return rung if gap > _SMALLEST_GAP_DB else None


def _within(reading: Reading) -> float:
    return min(max(reading.decibels[0], USELESS_DB), HIGH_DB + 2)
