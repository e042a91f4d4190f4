"""Search for the rung of each chunk on the quality ladder that meets a target over the whole scan.

The ladder is bisected for the scan as a whole; then chunks are moved one by one to the neighbouring rung, the most
profitable first, so that coders with coarse ladders land close to the target.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

from vesalius.codec.chunking import Chunk
from vesalius.codec.trials import Trial, Trials
from vesalius.metrics.error import SquaredError

_FIRST_STEP = 4
"""Rungs between the first two trials."""
_MOST_MOVES, _MOST_MOVED = 8, 24
"""Most rounds of `balance`, and most chunks that it tries to move."""


@dataclass(frozen=True)
class Total:
    """Sums over chunks: bytes of payload, and PSNR in dB for a given peak."""

    payload_bytes: int
    psnr_db: float


def total(trials: Sequence[Trial], peak: float) -> Total:
    """Add up the trials of all chunks."""
    squared, voxels = sum(trial.squared_error for trial in trials), sum(trial.voxels for trial in trials)
    return Total(sum(len(trial.payload) for trial in trials), psnr(squared, voxels, peak))


def psnr(squared_error: float, voxels: int, peak: float) -> float:
    """Return the PSNR in dB from sums over all chunks; infinite without a finite voxel, else as `SquaredError.psnr`.

    Example:
        >>> psnr(squared_error=400.0, voxels=400, peak=100.0)
        40.0
    """
    if not voxels:
        return math.inf
    return SquaredError(squared=squared_error, voxels=voxels).psnr(peak)


def last_meeting(
    trials: Trials, chunks: Sequence[Chunk], value: Callable[[Sequence[Trial]], float], least: float, guess: int
) -> int:
    """Return the last rung (best first) at which `value` is at least `least`; -1 where the best rung is below.

    `value` must not rise along the ladder. PSNR and the logarithm of bytes fall almost linearly, so the next rung is
    interpolated; where that does not halve the bracket, it is bisected.
    """
    low, high = -1, trials.rungs
    known: dict[int, float] = {}
    rung = min(max(guess, 0), trials.rungs - 1)
    while high - low > 1:
        known[rung] = value(trials.run(chunks, rung))
        width = high - low
        if known[rung] >= least:
            low = rung
        else:
            high = rung
        rung = _next_rung(low, high, trials.rungs, known, least, slow=2 * (high - low) > width and len(known) > 4)
    return low


def _next_rung(low: int, high: int, rungs: int, known: dict[int, float], least: float, *, slow: bool) -> int:
    """Return a rung strictly inside the bracket (low, high): interpolated, or its middle."""
    points = sorted(known, key=lambda rung: abs(known[rung] - least))[:2]
    if len(points) == 1:
        step = _FIRST_STEP if low >= 0 else -_FIRST_STEP
        aim = float(points[0] + step)
    else:
        (first, second), rise = points, known[points[1]] - known[points[0]]
        usable = not slow and math.isfinite(rise) and rise != 0 and math.isfinite(known[first])
        aim = first + (least - known[first]) * (second - first) / rise if usable else (low + high) / 2
    aim = aim if math.isfinite(aim) else (low + high) / 2  # an absurd target
    return int(min(max(math.floor(aim + 0.5), low + 1), high - 1, rungs - 1))


def spread_for_psnr(
    trials: Trials, chunks: Sequence[Chunk], rung: int, peak: float, target_db: float
) -> dict[int, int]:
    """Return chunk number -> rung: all at `rung` (which meets the target), as many as allowed one rung coarser."""
    chosen = {chunk.number: rung for chunk in chunks}
    if rung + 1 >= trials.rungs or peak <= 0:
        return chosen
    now, coarser = trials.run(chunks, rung), trials.run(chunks, rung + 1)
    voxels = sum(trial.voxels for trial in now)
    left = peak * peak * voxels / 10 ** (target_db / 10) - sum(trial.squared_error for trial in now)
    order = sorted(range(len(chunks)), key=lambda n: _gain(now[n], coarser[n]), reverse=True)
    for n in order:
        cost = coarser[n].squared_error - now[n].squared_error
        if len(coarser[n].payload) < len(now[n].payload) and cost <= left:
            chosen[chunks[n].number] = rung + 1
            left -= cost
    return chosen


def spread_for_bytes(trials: Trials, chunks: Sequence[Chunk], rung: int, budget: int) -> dict[int, int]:
    """Return chunk number -> rung: all at `rung` (which fits the budget), as many as fit one rung finer."""
    chosen = {chunk.number: rung for chunk in chunks}
    if rung == 0:
        return chosen
    now, finer = trials.run(chunks, rung), trials.run(chunks, rung - 1)
    left = budget - sum(len(trial.payload) for trial in now)
    order = sorted(range(len(chunks)), key=lambda n: _gain(finer[n], now[n]))
    for n in order:
        cost = len(finer[n].payload) - len(now[n].payload)
        if cost <= left:
            chosen[chunks[n].number] = rung - 1
            left -= cost
    return chosen


def balance(
    trials: Trials, chunks: Sequence[Chunk], chosen: dict[int, int], budget: int, within: float
) -> dict[int, int]:
    """Move chunks by a rung, alone or two at a time, until the bytes fill the budget but for the fraction `within`.

    The budget is never exceeded; `chosen` must keep it. For few chunks on a steep part of the ladder, where a rung of
    one chunk is a large part of the whole.
    """
    chosen = dict(chosen)
    for _ in range(_MOST_MOVES):
        left = budget - sum(len(trials.run_one(chunk, chosen[chunk.number]).payload) for chunk in chunks)
        if left <= within * budget:
            break
        moves = _moves(trials, chunks, chosen)
        pairs = [
            (a + b, first | second)
            for (a, first), (b, second) in combinations(moves, 2)
            if not first.keys() & second.keys()
        ]
        fitting = [option for option in moves + pairs if 0 < option[0] <= left]
        if not fitting:
            break
        _, move = max(fitting, key=lambda option: option[0])
        chosen |= move
    return chosen


def _moves(trials: Trials, chunks: Sequence[Chunk], chosen: dict[int, int]) -> list[tuple[int, dict[int, int]]]:
    """Return (bytes added, {chunk: rung}) for the neighbouring rungs of the first chunks."""
    moves = []
    for chunk in chunks[:_MOST_MOVED]:
        rung = chosen[chunk.number]
        now = len(trials.run_one(chunk, rung).payload)
        near = [other for other in (rung - 1, rung + 1) if 0 <= other < trials.rungs]
        moves += [(len(trials.run_one(chunk, other).payload) - now, {chunk.number: other}) for other in near]
    return moves


def _gain(fine: Trial, coarse: Trial) -> float:
    """Return the bytes saved per squared error added by going from fine to coarse."""
    added = coarse.squared_error - fine.squared_error
    saved = len(fine.payload) - len(coarse.payload)
    return saved / added if added > 0 else math.copysign(math.inf, saved)
