"""Choosing which steps of a coder's ladder to measure: few, but from very good to very bad.

Ratios and decibels are read between measured points only, so the points must enclose those that reports show.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

HIGH_DB, HIGH_DB_EVERYWHERE, LOW_RATIO = 44.0, 41.0, 90.0
"""The best point shall have HIGH_DB in the whole field, HIGH_DB_EVERYWHERE in every region, and at most LOW_RATIO."""
LOW_DB, HIGH_RATIO = 28.0, 1000.0
"""The worst point shall have at most LOW_DB in every region, and at least HIGH_RATIO."""
USELESS_DB = 24.0
"""Below this in the whole field no structure is visible: no further point is measured, whatever the ratio."""
_READINGS_PER_END = 3
_BEYOND_DB = 1.0
_EXPECTED_SPAN_DB, _EXPECTED_SPAN_RATIOS = 35.0, 1000.0
_WIDE_GAP_DB, _EXTRA_FOR_GAPS = 4.0, 2
_SMALLEST_GAP_DB = 0.5


@dataclass(frozen=True)
class RatePoint:
    """Rate and quality at one step.

    Args:
        ratio: compression ratio.
        decibels: PSNR of the whole field, then of the heart region if there is one.
    """

    ratio: float
    decibels: tuple[float, ...]


def walk(read: Callable[[int], RatePoint], rungs: int, points: int) -> dict[int, RatePoint]:
    """Measure about `points` rungs of a ladder.

    The middle first; then outwards, guessing from the slope so far, until both ends are reached, or better rungs gain
    nothing more; then the widest gaps in PSNR.

    Args:
        read: measures a rung (0 is the best).
        rungs: length of the ladder; 1 for a coder with a single rate point.
        points: rungs wanted. Fewer are measured where gaps get small; two more where a gap stays wide; at least as
            many as the ends need (at most three each).

    Returns:
        rung -> reading, from best to worst.

    Example:
        >>> readings = walk(lambda rung: RatePoint(2.0 ** (rung + 2), (50.0 - 5 * rung,)), rungs=8, points=4)
        >>> list(readings)
        [1, 2, 3, 4, 6]
    """
    readings = {rungs // 2: read(rungs // 2)}
    for towards in (-1, 1):
        for _ in range(_READINGS_PER_END):
            end = min(readings) if towards < 0 else max(readings)
            if end == (0 if towards < 0 else rungs - 1) or _reached(readings[end], towards):
                break
            rung = min(max(end + towards * max(_stride(readings, rungs, towards), 1), 0), rungs - 1)
            readings[rung] = read(rung)
            if towards < 0 and _gain(readings[end], readings[rung]) < _SMALLEST_GAP_DB:
                break  # nothing more can be gained, e.g. by a finer mean of all frames
    while True:
        gap, rung = _widest_gap(readings)
        enough = len(readings) >= points + (_EXTRA_FOR_GAPS if gap > _WIDE_GAP_DB else 0)
        if enough or gap <= _SMALLEST_GAP_DB:
            return dict(sorted(readings.items()))
        readings[rung] = read(rung)


def _reached(reading: RatePoint, towards: int) -> bool:
    if towards < 0:
        enough = reading.decibels[0] >= HIGH_DB and min(reading.decibels) >= HIGH_DB_EVERYWHERE
        return enough and reading.ratio <= LOW_RATIO
    if reading.decibels[0] <= USELESS_DB:
        return True
    return max(reading.decibels) <= LOW_DB and reading.ratio >= HIGH_RATIO


def _gain(worse: RatePoint, better: RatePoint) -> float:
    """The most decibels that the better point gains in a region; NaN and infinities are no small gain."""
    gains = [high - low for low, high in zip(worse.decibels, better.decibels, strict=True)]
    return max(gains) if all(map(math.isfinite, gains)) else math.inf


def _stride(readings: dict[int, RatePoint], rungs: int, towards: int) -> int:
    """How many rungs the end should lie further out, by the slope of the two outermost readings."""
    ordered = sorted(readings, reverse=towards > 0)
    last = readings[ordered[0]]
    db_per_rung, logs_per_rung = _EXPECTED_SPAN_DB / rungs, math.log(_EXPECTED_SPAN_RATIOS) / rungs
    if len(ordered) > 1:
        other, distance = readings[ordered[1]], abs(ordered[0] - ordered[1])
        db_per_rung = _positive(abs(last.decibels[0] - other.decibels[0]) / distance, db_per_rung)
        logs_per_rung = _positive(abs(math.log(last.ratio / other.ratio)) / distance, logs_per_rung)
    if towards < 0:
        short_db = max(HIGH_DB - last.decibels[0], HIGH_DB_EVERYWHERE - min(last.decibels))
        wanted = max((short_db + _BEYOND_DB) / db_per_rung, math.log(last.ratio / LOW_RATIO) / logs_per_rung)
        wanted = min(wanted, (ordered[0] + 1) // 2)  # the best steps are the slowest, and ladders steepen there
    else:
        by_db = (max(last.decibels) - LOW_DB + _BEYOND_DB) / db_per_rung
        by_ratio = math.log(HIGH_RATIO / last.ratio) / logs_per_rung
        useless = (last.decibels[0] - USELESS_DB + _BEYOND_DB) / db_per_rung
        wanted = min(max(by_db, by_ratio), useless)
    return math.ceil(min(wanted, rungs)) if math.isfinite(wanted) else 1


def _positive(slope: float, otherwise: float) -> float:
    return slope if math.isfinite(slope) and slope > 0 else otherwise


def _widest_gap(readings: dict[int, RatePoint]) -> tuple[float, int]:
    """The largest difference between neighbours within the range of interest, and a rung between them."""
    gaps = [
        (_within(readings[better]) - _within(readings[worse]), (better + worse) // 2)
        for better, worse in itertools.pairwise(sorted(readings))
        if worse - better > 1
    ]
    return max(gaps, default=(0.0, 0))


def _within(reading: RatePoint) -> float:
    return min(max(reading.decibels[0], LOW_DB - 2), HIGH_DB + 2)
