"""Which tier, coder and rungs meet a target: the decisions behind `compress`.

`--coder auto` tries candidates on a sample of the scan and keeps the best; the reason is kept in words.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from vesalius.codec.chunking import Access, Chunk, Chunking
from vesalius.codec.coders.protocol import Coder
from vesalius.codec.coders.table import CODERS
from vesalius.codec.coders.table import coder as coder_named
from vesalius.codec.mapping import exact_map
from vesalius.codec.quantum import quantum
from vesalius.codec.sample import sample
from vesalius.codec.search import balance, last_meeting, spread_for_bytes, spread_for_psnr, total
from vesalius.codec.survey import Survey
from vesalius.codec.target import Lossless, MaxError, Psnr, Quality, Ratio, Target
from vesalius.codec.tiers import BoundedTier, LosslessTier, LossyTier, Tier
from vesalius.codec.trials import Trial, Trials, chunk_of, in_order, spare_threads
from vesalius.errors import TargetError, UsageError
from vesalius.scan.scan import Scan

Effort = Literal["normal", "best"]
PSNR_MARGIN = 1e-6
"""Decibels above the target, so that another order of summing finds it met too."""
RESIDUAL_CODER = "jpegxl"
OURS = "wls"
SAMPLED_FROM = 1 << 20
"""Exact coders are compared on the whole of a scan with no more voxels than this."""
NEAR = 1.15
"""`--effort best` compares coders within this factor of the smallest on a sample on the whole scan."""
RATIO_TOLERANCE, RATIO_CHECKED_FROM = 0.05, 20_000
"""`--ratio` reaches the target and at most this part more, in files of so many bytes or more."""
SMALL_TOLERANCE = 0.25
"""The same for smaller files, whose header alone may be more than five percent."""
_AIMED_PART = 0.5
"""Of the tolerance: chunks are moved until they lie so near."""
_MOST_AIMS = 4
"""How often a ratio is aimed at, each time with what the file of the last aim holds beside its payload."""


@dataclass(frozen=True)
class PlanInput:
    """What is to be planned.

    Args:
        scan: the scan, in memory or mapped.
        found: its survey.
        coder: name of a coder, or "auto".
        effort: "normal" tries two coders under auto, "best" all.
        access: see Layout.
        threads: chunks coded at a time.
        alone: there is one tier only.
        id: for the header.
    """

    scan: Scan
    found: Survey
    coder: str
    effort: Effort
    access: Access
    threads: int
    alone: bool = True
    id: str | None = None

    def piece(self) -> PlanInput:
        """The same job on a sample of the scan."""
        return replace(self, scan=sample(self.scan))

    def chunking(self, tier: Tier) -> Chunking:
        """The chunks for a tier: grouping pictures pays only for coders that use what neighbours share."""
        based = isinstance(tier, BoundedTier) and tier.base is not None
        stacked = tier.coder.stacks and not based
        return Chunking.of(self.scan.shape, self.access, temporal=tier.coder.temporal or based, stacked=stacked)


@dataclass(frozen=True)
class Plan:
    """How one tier will be coded.

    Args:
        tier: the tier.
        chunking: its chunks.
        why: the reason for the coder, in words.
        target: the target, in words.
        rungs: chunk number -> rung of the ladder (empty for exact tiers).
        trials: what was already coded on the way, to be written as it is.
    """

    tier: Tier
    chunking: Chunking
    why: str
    target: str
    rungs: dict[int, int] = field(default_factory=dict)
    trials: Trials | None = None


def plan(job: PlanInput, target: Target, overhead: Callable[[Plan], int]) -> Plan:
    """Decide how to code a tier.

    Args:
        job: scan and options.
        target: what is asked.
        overhead: bytes of the file that are not payload, for a plan (only `Ratio` asks).

    Raises:
        TargetError: the target cannot be reached; the message names the best reachable value.
        UsageError: the coder cannot do what is asked.
    """
    if isinstance(target, Lossless):
        return _plan_lossless(job)
    if job.scan.dtype.kind not in "iuf" or job.scan.dtype.itemsize > 8:
        raise UsageError(f"values of type {job.scan.dtype} are coded losslessly only", fix="leave the target out")
    if isinstance(target, MaxError):
        return _plan_bounded(job, target)
    if isinstance(target, Quality):
        return _plan_quality(job, target)
    if isinstance(target, Psnr) and job.found.peak == 0 and job.found.high > job.found.low:
        what = "PSNR means nothing here: p99.9 and p0.1 of the values are equal"
        raise TargetError(what, where="--psnr", fix="use --max-error or lossless")
    candidates = _lossy_candidates(job)
    drafts = [_draft(job, coder, target) for coder in candidates]
    drafts.sort(key=lambda draft: draft.cost)
    exact = _lossless_instead(job, target, drafts[0])
    if exact is not None:
        return exact
    missed: list[_MissedError] = []
    for draft in drafts:
        try:
            if isinstance(target, Psnr):
                return _plan_psnr(job, draft, target, _why(draft, drafts))
            return _plan_ratio(job, draft, target, _why(draft, drafts), overhead)
        except _MissedError as error:  # the next coder may reach it
            missed.append(error)
    raise min(missed, key=lambda error: error.distance)


class _MissedError(TargetError):
    """A coder misses a target by `distance`: decibels, or the logarithm of a ratio."""

    def __init__(self, what: str, *, where: str, fix: str, distance: float) -> None:
        super().__init__(what, where=where, fix=fix)
        self.distance = distance


def _lossless_instead(job: PlanInput, target: Target, draft: _Draft) -> Plan | None:
    """A lossless plan where that is no larger on a sample than keeping a high PSNR."""
    if not (isinstance(target, Psnr) and job.alone and job.coder == "auto" and 8 * draft.cost > _LOSSLESS_FROM_BITS):
        return None
    exact, piece = _plan_lossless(job), job.piece()
    if _exact_bytes(piece, exact.tier) / piece.scan.voxels > draft.cost:
        return None
    return replace(exact, target=target.words, why=f"{exact.why}; lossy would be no smaller")


_LOSSLESS_FROM_BITS = 1.0
"""Bits per voxel of a lossy sample from which on it is asked whether lossless were smaller."""


def _why(draft: _Draft, drafts: Sequence[_Draft]) -> str:
    if len(drafts) == 1:
        return "asked for"
    others = ", ".join(f"{other.name} {other.words}" for other in drafts if other is not draft)
    return f"{draft.name} {draft.words} on a sample, against {others}"


def lossy_tier(job: PlanInput, coder: Coder) -> LossyTier:
    """The lossy tier of a coder: the finite stored range stretched over the coder's depth."""
    low, high = job.found.stored_low, job.found.stored_high
    step = (high - low) / ((1 << coder.lossy_bits) - 1) if high > low else 1.0
    if not (math.isfinite(step) and step > 0):
        raise UsageError("the range of the values is too wide for lossy coding", fix="use lossless")
    return LossyTier(coder, job.scan.dtype, low, step, masked=not job.found.finite)


def _plan_lossless(job: PlanInput) -> Plan:
    exact = exact_map(job.found)
    tiers = [LosslessTier(coder, job.found.keys, exact) for coder in _lossless_candidates(job, exact.plane_bits)]
    best, why = _smallest(job, tiers)
    if job.coder == "auto" and len(exact.plane_bits) > 1:
        why += f"; {OURS} is for values of at most 16 bits"
    return Plan(best, job.chunking(best), why, Lossless().words)


def _lossless_candidates(job: PlanInput, plane_bits: Sequence[int]) -> list[Coder]:
    depth = max(plane_bits)
    if job.coder != "auto":
        chosen = coder_named(job.coder)
        if chosen.lossless_bits < depth:
            limit = f"up to {chosen.lossless_bits} bits" if chosen.lossless_bits else "nothing"
            fix = "use --coder auto"
            raise UsageError(f"{job.coder} codes {limit} losslessly, this scan needs {depth}", where="--coder", fix=fix)
        return [chosen]
    tried = CODERS.names() if job.effort == "best" else (OURS, "jpegxl")
    if len(plane_bits) > 1:
        tried = tuple(name for name in (*tried, "jpegls", "deflate") if name != OURS)
    fitting = [coder for coder in map(coder_named, tried) if coder.lossless_bits >= depth]
    return fitting if len(fitting) > 1 else [coder_named("jpegxl"), coder_named("deflate")]


def _smallest(job: PlanInput, tiers: Sequence[Tier]) -> tuple[Tier, str]:
    """The tier with the fewest bytes on sampled chunks, and the reason in words.

    `--effort best` codes the whole scan with those that come near the smallest.
    """
    if len(tiers) == 1:
        return tiers[0], "asked for"
    piece = job if job.scan.voxels <= SAMPLED_FROM else job.piece()
    bits = [8 * _exact_bytes(piece, tier) / piece.scan.voxels for tier in tiers]
    order = np.argsort(bits, kind="stable").tolist()
    words = [f"{_tier_name(tiers[n])} {bits[n]:.2f} bits/voxel" for n in order]
    why = f"{words[0]} on a sample, against {', '.join(words[1:])}"
    near = [n for n in order if bits[n] <= NEAR * bits[order[0]]]
    if job.effort == "normal" or len(near) == 1 or piece.scan is job.scan:
        return tiers[order[0]], why
    wholes = {n: _exact_bytes(job, tiers[n]) for n in near}
    best = min(near, key=wholes.__getitem__)
    return tiers[best], f"{why}; {_tier_name(tiers[best])} {wholes[best]} bytes on the whole scan"


def _exact_bytes(job: PlanInput, tier: Tier) -> int:
    chunking = job.chunking(tier)
    spare = spare_threads(job.threads, len(chunking))
    return sum(in_order(lambda chunk: len(tier.encode(chunk_of(job.scan, chunk), None, spare)), chunking, job.threads))


def _tier_name(tier: Tier) -> str:
    if isinstance(tier, BoundedTier) and tier.base is not None:
        return f"{tier.base.coder.name} + {tier.coder.name}"
    return tier.coder.name


def _lossy_candidates(job: PlanInput) -> list[Coder]:
    if job.coder != "auto":
        chosen = coder_named(job.coder)
        if not chosen.lossy_bits:
            raise UsageError(f"{job.coder} is a lossless coder", where="--coder", fix="use --coder auto")
        return [chosen]
    if job.effort == "best":
        return [coder for coder in map(coder_named, CODERS) if coder.lossy_bits]
    return [coder_named("svtav1"), coder_named("x265" if job.scan.shape[1] > 1 else "jpegxl")]


@dataclass(frozen=True)
class _Draft:
    """A coder's result on a sample; the lowest cost wins."""

    trials: Trials
    rung: int
    cost: float
    words: str

    @property
    def tier(self) -> Tier:
        return self.trials.tier

    @property
    def name(self) -> str:
        return self.tier.coder.name

    def whole(self, job: PlanInput) -> Trials:
        """Trials on the whole scan; these, where the sample was the whole."""
        return self.trials if self.trials.scan is job.scan else Trials(job.scan, self.tier, job.threads)


def _draft(job: PlanInput, coder: Coder, target: Psnr | Ratio) -> _Draft:
    tier, piece = lossy_tier(job, coder), job.piece()
    chunks, trials = list(piece.chunking(tier)), Trials(piece.scan, tier, job.threads)
    peak, voxels, middle = job.found.peak, piece.scan.voxels, trials.rungs // 2
    if isinstance(target, Psnr):
        rung = _last_psnr(trials, chunks, peak, target, middle)
        reached = total(trials.run(chunks, max(rung, 0)), peak)
        cost = reached.payload_bytes / voxels if rung >= 0 else 1e9 - reached.psnr_db
        return _Draft(trials, max(rung, 0), cost, f"{8 * reached.payload_bytes / voxels:.3f} bits/voxel")
    budget = 2 * voxels / target.ratio
    rung = _first_fitting(trials, chunks, budget, middle)
    reached = total(trials.run(chunks, min(rung, trials.rungs - 1)), peak)
    cost = -reached.psnr_db if rung < trials.rungs else 1e9 + reached.payload_bytes
    return _Draft(trials, min(rung, trials.rungs - 1), cost, f"{reached.psnr_db:.2f} dB")


def _last_psnr(trials: Trials, chunks: Sequence[Chunk], peak: float, target: Psnr, guess: int) -> int:
    """Last rung (best first) that keeps the PSNR; -1 where none does."""
    return last_meeting(trials, chunks, lambda done: total(done, peak).psnr_db, target.db + PSNR_MARGIN, guess)


def _first_fitting(trials: Trials, chunks: Sequence[Chunk], budget: float, guess: int) -> int:
    """First rung (best first) whose payload is within the budget; `trials.rungs` where none is."""
    too_much = math.log(math.floor(max(budget, 0)) + 0.5)

    def log_bytes(done: Sequence[Trial]) -> float:
        return math.log(sum(len(one.payload) for one in done))

    return last_meeting(trials, chunks, log_bytes, too_much, guess) + 1


def _plan_quality(job: PlanInput, target: Quality) -> Plan:
    tier = lossy_tier(job, _lossy_candidates(job)[0])
    if target.step not in tier.coder.qualities:
        raise UsageError(f"{target.step} is not on the ladder of {tier.coder.name}")
    chunking, rung = job.chunking(tier), tier.coder.qualities.index(target.step)
    rungs = {chunk.number: rung for chunk in chunking}
    return Plan(tier, chunking, "asked for", target.words, rungs, Trials(job.scan, tier, job.threads))


def _plan_psnr(job: PlanInput, draft: _Draft, target: Psnr, why: str) -> Plan:
    trials, tier, peak = draft.whole(job), draft.tier, job.found.peak
    chunking = job.chunking(tier)
    chunks = list(chunking)
    rung = _last_psnr(trials, chunks, peak, target, draft.rung)
    if rung < 0:
        best = total(trials.run(chunks, 0), peak).psnr_db
        what = f"{target.db:g} dB cannot be reached with {tier.coder.name}: the best is {best:.1f} dB"
        fix = "ask for less, or use --max-error or lossless"
        raise _MissedError(what, where="--psnr", fix=fix, distance=target.db - best)
    rungs = spread_for_psnr(trials, chunks, rung, peak, target.db + PSNR_MARGIN)
    return Plan(tier, chunking, why, target.words, rungs, trials)


def _plan_ratio(job: PlanInput, draft: _Draft, target: Ratio, why: str, overhead: Callable[[Plan], int]) -> Plan:
    trials, tier = draft.whole(job), draft.tier
    chunking = job.chunking(tier)
    chunks, voxels = list(chunking), job.scan.voxels
    made, limit = Plan(tier, chunking, why, target.words, {}, trials), int(2 * voxels / target.ratio)
    fixed, size = overhead(made), limit + 1
    for _ in range(_MOST_AIMS):
        if size <= limit:
            break
        budget = limit - fixed
        rung = _first_fitting(trials, chunks, budget, draft.rung)
        if rung == trials.rungs:
            best = 2 * voxels / (fixed + sum(len(one.payload) for one in trials.run(chunks, rung - 1)))
            what = f"{target.ratio:g}:1 cannot be reached with {tier.coder.name}: the best is {best:.4g}:1"
            raise _MissedError(what, where="--ratio", fix="ask for less", distance=_apart(best, target))
        rungs = balance(
            trials, chunks, spread_for_bytes(trials, chunks, rung, budget), budget, RATIO_TOLERANCE * _AIMED_PART
        )
        made = replace(made, rungs=rungs)
        fixed = overhead(made)
        size = fixed + sum(len(trials.one(chunk, rungs[chunk.number]).payload) for chunk in chunks)
    reached = 2 * voxels / size
    if rung == 0 and reached > (1 + RATIO_TOLERANCE) * target.ratio:
        what = f"{target.ratio:g}:1 is less than the best quality of {tier.coder.name} needs ({reached:.4g}:1)"
        fix = "ask for more, or use lossless"
        raise _MissedError(what, where="--ratio", fix=fix, distance=_apart(reached, target))
    check_ratio(target, reached, size)
    return made


def check_ratio(target: Ratio, reached: float, size: int) -> None:
    """Raise TargetError where a file of `size` bytes is below its target, or above it by more than is allowed."""
    allowed = RATIO_TOLERANCE if size >= RATIO_CHECKED_FROM else SMALL_TOLERANCE
    if not target.ratio <= reached <= (1 + allowed) * target.ratio:
        what = f"{target.ratio:g}:1 cannot be reached: the nearest is {reached:.4g}:1"
        fix = "ask for that, or choose another --coder"
        raise _MissedError(what, where="--ratio", fix=fix, distance=_apart(reached, target))


def _apart(ratio: float, target: Ratio) -> float:
    return abs(math.log(ratio / target.ratio))


def _plan_bounded(job: PlanInput, target: MaxError) -> Plan:
    step = quantum(job.scan, job.found, target.error)
    if step is None:
        made = _plan_lossless(job)
        return replace(made, target=target.words, why=f"{made.why}; the bound is below the stored resolution")
    tiers = _bounded_candidates(job, step)
    best, why = _smallest(job, tiers)
    return Plan(best, job.chunking(best), why, target.words)


def _bounded_candidates(job: PlanInput, step: float) -> list[Tier]:
    """Exact coders on quantised values, and a lossy base plus an exact residual, at three rungs."""
    low, masked = job.found.stored_low, not job.found.finite

    def bounded(coder: str, base: str | None = None, rung: float = 0) -> BoundedTier:
        exact, dtype = coder_named(coder), job.scan.dtype
        if base is None:
            return BoundedTier(exact, dtype, low, step, masked)
        tier = replace(lossy_tier(job, coder_named(base)), masked=False)
        quality = tier.coder.qualities[int(rung * (len(tier.coder.qualities) - 1))]
        return BoundedTier(exact, dtype, low, step, masked, tier, quality)

    if job.coder == "auto":
        plain = (OURS, "jpegxl") if job.effort == "normal" else (OURS, "jpegxl", "jpegls", "jpeg2000", "deflate")
        tiers = [bounded(name) for name in plain]
        if job.scan.shape[1] > 1:
            tiers += [bounded(RESIDUAL_CODER, "svtav1", rung) for rung in (0.3, 0.5, 0.7)]
        return list(tiers)
    chosen = coder_named(job.coder)
    if chosen.lossless_bits >= 16:
        return [bounded(job.coder)]
    if not chosen.exact_lossy:
        raise UsageError(f"{job.coder} cannot keep a bound", where="--coder", fix="use --coder auto")
    return [bounded(RESIDUAL_CODER, job.coder, rung) for rung in (0.2, 0.4, 0.6, 0.8)]
