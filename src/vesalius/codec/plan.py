"""Which tier, coder and rungs meet a target: the decisions behind `compress`.

`--coder auto` tries candidates on a sample of the scan and keeps the best; the plan states the reason in words.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from vesalius.codec.chunking import Chunk, Chunking
from vesalius.codec.coders.protocol import Coder
from vesalius.codec.coders.table import CODERS
from vesalius.codec.coders.table import coder as coder_named
from vesalius.codec.digits import at_least
from vesalius.codec.mapping import exact_map
from vesalius.codec.options import (
    RATIO_TOLERANCE,
    CompressConfig,
    Lossless,
    MaxError,
    MissedTargetError,
    Psnr,
    Quality,
    Ratio,
    Target,
)
from vesalius.codec.search import balance, last_meeting, spread_for_bytes, spread_for_psnr, total
from vesalius.codec.survey import Survey
from vesalius.codec.tiers import BoundedTier, LosslessTier, LossyTier, Tier, bounded_step
from vesalius.codec.trials import Trial, Trials, chunk_of, in_order, sample, spare_threads
from vesalius.errors import TargetError, UsageError
from vesalius.memory import cores
from vesalius.progress import counted
from vesalius.scan.scan import Scan

PSNR_MARGIN = 1e-6
"""Decibels above the target, so that another order of summing finds it met too."""
RESIDUAL_CODER = "jpegxl"
OURS = "wls"
SAMPLED_FROM = 1 << 20
"""Exact coders are compared on the whole of a scan with no more voxels than this."""
NEAR = 1.15
"""`--effort best` compares coders within this factor of the smallest on a sample on the whole scan."""
_LOSSLESS_FROM_BITS = 1.0
"""From this many bits per voxel of a lossy sample on, a lossless plan is compared with it."""
_AIMED_PART = 0.5
"""Fraction of the tolerance of a ratio that chunks are moved to fill."""
_MOST_AIMS = 4
"""Most rounds of aiming at a ratio, each with the overhead of the last round's file."""
_MISSED = 1e9
"""Cost of a draft that misses its target: above that of every draft that meets it."""


@dataclass(frozen=True)
class PlanInput:
    """A scan to be planned, in memory or mapped; its survey; the options; the coder to use (None: auto)."""

    scan: Scan
    survey: Survey
    options: CompressConfig
    coder: Coder | None = None

    @property
    def threads(self) -> int:
        """Chunks coded at a time."""
        return self.options.threads or cores()

    def sampled(self) -> PlanInput:
        """Return the same input on a sample of the scan."""
        return replace(self, scan=sample(self.scan))

    def chunking(self, tier: Tier) -> Chunking:
        """Return the chunks for a tier."""
        return tier.chunking(self.scan.shape, self.options.access)


@dataclass(frozen=True)
class Plan:
    """Plan for coding one tier: its chunks; the reason for the coder and the target, in words.

    Args:
        rungs: chunk number -> rung of the ladder (empty for exact tiers).
        trials: chunks that planning has coded already, to be written as they are.
    """

    tier: Tier
    chunking: Chunking
    why: str
    target: str
    rungs: dict[int, int] = field(default_factory=dict)
    trials: Trials | None = None

    def planned(self, chunk: Chunk) -> Trial | None:
        """Return the trial of a chunk at its rung; None where the plan has no rungs."""
        return self.trials.run_one(chunk, self.rungs[chunk.number]) if self.trials and self.rungs else None


def plan_tier(inputs: PlanInput, target: Target, overhead: Callable[[Plan], int]) -> Plan:
    """Decide how to code a tier.

    `overhead` returns the bytes of the file that are not payload, for a plan; only a `Ratio` needs it.

    Raises:
        TargetError: the target cannot be reached; the message names the best reachable value.
        UsageError: the coder does not serve this target.
    """
    if isinstance(target, Lossless):
        return _plan_lossless(inputs)
    if inputs.scan.dtype.kind not in "iuf" or inputs.scan.dtype.itemsize > 8:
        raise UsageError(f"values of type {inputs.scan.dtype} are coded losslessly only", fix="leave the target out")
    if isinstance(target, MaxError):
        return _plan_bounded(inputs, target)
    if isinstance(target, Quality):
        return _plan_quality(inputs, target)
    assert isinstance(target, Psnr | Ratio)
    return _plan_aimed(inputs, target, overhead)


def _plan_aimed(inputs: PlanInput, target: Psnr | Ratio, overhead: Callable[[Plan], int]) -> Plan:
    """Plan for the coder that does best on a sample; for the next one where that misses the target."""
    survey = inputs.survey
    if isinstance(target, Psnr) and survey.peak == 0 and survey.high > survey.low:
        what = "PSNR means nothing here: p99.9 and p0.1 of the values are equal"
        raise TargetError(what, where="--psnr", fix="use --max-error or lossless")
    drafts = [_draft(inputs, coder, target) for coder in _lossy_candidates(inputs, target)]
    drafts.sort(key=lambda draft: draft.cost)
    exact = _lossless_instead(inputs, target, drafts[0])
    if exact is not None:
        return exact
    missed: list[MissedTargetError] = []
    for draft in drafts:
        why = _why(draft, drafts, len(missed))
        try:
            if isinstance(target, Psnr):
                return _plan_psnr(inputs, draft, target, why)
            return _plan_ratio(inputs, draft, target, why, overhead)
        except MissedTargetError as error:  # the next coder may reach it
            missed.append(error)
    raise min(missed, key=lambda error: error.distance)


def _lossless_instead(inputs: PlanInput, target: Target, draft: _Draft) -> Plan | None:
    """Return a lossless plan where that is no larger on a sample than keeping a high PSNR."""
    alone = len(inputs.options.targets()) == 1
    worth_trying = isinstance(target, Psnr) and alone and inputs.coder is None
    if not (worth_trying and 8 * draft.cost > _LOSSLESS_FROM_BITS):
        return None
    exact, piece = _plan_lossless(inputs), inputs.sampled()
    if _exact_bytes(piece, exact.tier) / piece.scan.voxels > draft.cost:
        return None
    return replace(exact, target=target.words, why=f"{exact.why}; lossy would be no smaller")


def _why(draft: _Draft, drafts: Sequence[_Draft], missed: int) -> str:
    """State how a draft compares with the others, of which the first `missed` failed on the whole scan."""
    if len(drafts) == 1:
        return "asked for"
    others = ", ".join(f"{other.tier.label} {other.words}" for other in drafts if other is not draft)
    why = f"{draft.tier.label} {draft.words} on a sample, against {others}"
    failed = " and ".join(other.tier.label for other in drafts[:missed])
    return f"{why}; {failed} missed the target on the whole scan" if failed else why


def lossy_tier(inputs: PlanInput, coder: Coder) -> LossyTier:
    """Return the lossy tier of a coder: the finite stored range stretched over the coder's depth."""
    low, high = inputs.survey.stored_low, inputs.survey.stored_high
    step = (high - low) / ((1 << coder.lossy_bits) - 1) if high > low else 1.0
    if not (math.isfinite(step) and step > 0):
        raise UsageError("the range of the values is too wide for lossy coding", fix="use lossless")
    return LossyTier(coder, inputs.scan.dtype, low, at_least(step), masked=not inputs.survey.finite)


def _plan_lossless(inputs: PlanInput) -> Plan:
    exact = exact_map(inputs.survey)
    coders = _lossless_candidates(inputs, exact.plane_bits)
    best, why = _smallest(inputs, [LosslessTier(coder, inputs.survey.keys, exact) for coder in coders])
    if inputs.coder is None and len(exact.plane_bits) > 1:
        why += f"; {OURS} is for values of at most 16 bits"
    return Plan(best, inputs.chunking(best), why, Lossless().words)


def _lossless_candidates(inputs: PlanInput, plane_bits: Sequence[int]) -> list[Coder]:
    depth, chosen = max(plane_bits), inputs.coder
    if chosen is not None:
        if chosen.lossless_bits < depth:
            limit = f"up to {chosen.lossless_bits} bits" if chosen.lossless_bits else "nothing"
            what = f"{chosen.name} codes {limit} losslessly, this scan needs {depth}"
            raise UsageError(what, where="--coder", fix="use --coder auto")
        return [chosen]
    tried = CODERS.names() if inputs.options.effort == "best" else (OURS, "jpegxl")
    if len(plane_bits) > 1:
        tried = tuple(name for name in (*tried, "jpegls", "deflate") if name != OURS)
    fitting = [coder for coder in map(coder_named, tried) if coder.lossless_bits >= depth]
    return fitting if len(fitting) > 1 else [coder_named("jpegxl"), coder_named("deflate")]


def _smallest(inputs: PlanInput, tiers: Sequence[Tier]) -> tuple[Tier, str]:
    """Return the tier with the fewest bytes on sampled chunks, and the reason in words.

    `--effort best` codes the whole scan with those that come near the smallest.
    """
    if len(tiers) == 1:
        return tiers[0], "asked for"
    piece = inputs if inputs.scan.voxels <= SAMPLED_FROM else inputs.sampled()
    bits = [8 * _exact_bytes(piece, tier) / piece.scan.voxels for tier in tiers]
    order = np.argsort(bits, kind="stable").tolist()
    words = [f"{tiers[n].label} {bits[n]:.2f} bits/voxel" for n in order]
    why = f"{words[0]} on a sample, against {', '.join(words[1:])}"
    near = [n for n in order if bits[n] <= NEAR * bits[order[0]]]
    if inputs.options.effort == "normal" or len(near) == 1 or piece.scan is inputs.scan:
        return tiers[order[0]], why
    wholes = {n: _exact_bytes(inputs, tiers[n]) for n in near}
    best = min(near, key=wholes.__getitem__)
    return tiers[best], f"{why}; {tiers[best].label} {wholes[best]} bytes on the whole scan"


def _exact_bytes(inputs: PlanInput, tier: Tier) -> int:
    chunking = inputs.chunking(tier)
    spare = spare_threads(inputs.threads, len(chunking))

    def size(chunk: Chunk) -> int:
        return len(tier.encode(chunk_of(inputs.scan, chunk), None, spare))

    sizes = in_order(size, chunking, inputs.threads)
    return sum(counted(sizes, len(chunking), f"chunks, {tier.label} tried"))


def _lossy_candidates(inputs: PlanInput, target: Target) -> list[Coder]:
    chosen = inputs.coder
    if chosen is not None:
        if not chosen.lossy_bits:
            raise UsageError(f"{chosen.name} is a lossless coder", where="--coder", fix="use --coder auto")
        if len(chosen.qualities) < 2 and not isinstance(target, Quality):
            what = f"{chosen.name} has a single rate point, so it cannot aim at {target.words}"
            raise UsageError(what, where="--coder", fix="use --coder auto")
        return [chosen]
    if inputs.options.effort == "best":
        return [coder for coder in map(coder_named, CODERS) if len(coder.qualities) > 1]
    return [coder_named("svtav1"), coder_named("x265" if inputs.scan.shape[1] > 1 else "jpegxl")]


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

    def whole(self, inputs: PlanInput) -> Trials:
        """Return trials on the whole scan; the draft's where the sample was the whole scan."""
        return self.trials if self.trials.scan is inputs.scan else Trials(inputs.scan, self.tier, inputs.threads)


def _draft(inputs: PlanInput, coder: Coder, target: Psnr | Ratio) -> _Draft:
    tier, piece = lossy_tier(inputs, coder), inputs.sampled()
    chunks, trials = list(piece.chunking(tier)), Trials(piece.scan, tier, inputs.threads)
    peak, voxels, middle = inputs.survey.peak, piece.scan.voxels, trials.rungs // 2
    if isinstance(target, Psnr):
        rung = _last_psnr(trials, chunks, peak, target, middle)
        reached = total(trials.run(chunks, max(rung, 0)), peak)
        if rung < 0:
            return _Draft(trials, 0, _MISSED - reached.psnr_db, f"{reached.psnr_db:.2f} dB at most")
        words = f"{8 * reached.payload_bytes / voxels:.3f} bits/voxel"
        return _Draft(trials, rung, reached.payload_bytes / voxels, words)
    rung = _first_fitting(trials, chunks, 2 * voxels / target.ratio, middle)
    reached = total(trials.run(chunks, min(rung, trials.rungs - 1)), peak)
    if rung == trials.rungs:
        words = f"{2 * voxels / reached.payload_bytes:.4g}:1 at most"
        return _Draft(trials, rung - 1, _MISSED + reached.payload_bytes, words)
    return _Draft(trials, rung, -reached.psnr_db, f"{reached.psnr_db:.2f} dB")


def _last_psnr(trials: Trials, chunks: Sequence[Chunk], peak: float, target: Psnr, guess: int) -> int:
    """Return the last rung (best first) that keeps the PSNR; -1 where none does."""
    return last_meeting(trials, chunks, lambda tried: total(tried, peak).psnr_db, target.db + PSNR_MARGIN, guess)


def _first_fitting(trials: Trials, chunks: Sequence[Chunk], budget: float, guess: int) -> int:
    """Return the first rung (best first) whose payload is within the budget; `trials.rungs` where none is."""
    too_much = math.log(math.floor(max(budget, 0)) + 0.5)

    def log_bytes(tried: Sequence[Trial]) -> float:
        return math.log(sum(len(trial.payload) for trial in tried))

    return last_meeting(trials, chunks, log_bytes, too_much, guess) + 1


def _plan_quality(inputs: PlanInput, target: Quality) -> Plan:
    tier = lossy_tier(inputs, _lossy_candidates(inputs, target)[0])
    if target.step not in tier.coder.qualities:
        raise UsageError(f"{target.step} is not on the ladder of {tier.coder.name}")
    chunking, rung = inputs.chunking(tier), tier.coder.qualities.index(target.step)
    rungs = {chunk.number: rung for chunk in chunking}
    return Plan(tier, chunking, "asked for", target.words, rungs, Trials(inputs.scan, tier, inputs.threads))


def _plan_psnr(inputs: PlanInput, draft: _Draft, target: Psnr, why: str) -> Plan:
    trials, tier, peak = draft.whole(inputs), draft.tier, inputs.survey.peak
    chunking = inputs.chunking(tier)
    chunks = list(chunking)
    rung = _last_psnr(trials, chunks, peak, target, draft.rung)
    if rung < 0:
        raise target.missed(tier.coder.name, total(trials.run(chunks, 0), peak).psnr_db)
    rungs = spread_for_psnr(trials, chunks, rung, peak, target.db + PSNR_MARGIN)
    return Plan(tier, chunking, why, target.words, rungs, trials)


def _plan_ratio(inputs: PlanInput, draft: _Draft, target: Ratio, why: str, overhead: Callable[[Plan], int]) -> Plan:
    trials, tier = draft.whole(inputs), draft.tier
    chunking = inputs.chunking(tier)
    chunks, voxels = list(chunking), inputs.scan.voxels
    plan, limit = Plan(tier, chunking, why, target.words, {}, trials), int(2 * voxels / target.ratio)
    fixed, size = overhead(plan), limit + 1
    for _ in range(_MOST_AIMS):
        if size <= limit:
            break
        budget = limit - fixed
        rung = _first_fitting(trials, chunks, budget, draft.rung)
        if rung == trials.rungs:
            best = 2 * voxels / (fixed + sum(len(trial.payload) for trial in trials.run(chunks, rung - 1)))
            what = f"{target.ratio:g}:1 cannot be reached with {tier.coder.name}: the best is {best:.4g}:1"
            raise target.missed(best, what, fix="ask for less")
        spread = spread_for_bytes(trials, chunks, rung, budget)
        plan = replace(plan, rungs=balance(trials, chunks, spread, budget, RATIO_TOLERANCE * _AIMED_PART))
        fixed = overhead(plan)
        size = fixed + sum(len(trials.run_one(chunk, plan.rungs[chunk.number]).payload) for chunk in chunks)
    reached = 2 * voxels / size
    if rung == 0 and reached > (1 + RATIO_TOLERANCE) * target.ratio:
        what = f"{target.ratio:g}:1 is less than the best quality of {tier.coder.name} needs ({reached:.4g}:1)"
        raise target.missed(reached, what, fix="ask for more, or use lossless")
    target.check_size(voxels, size)
    return plan


def _plan_bounded(inputs: PlanInput, target: MaxError) -> Plan:
    step = bounded_step(inputs.scan, inputs.survey, target.error)
    if step is None:
        plan = _plan_lossless(inputs)
        return replace(plan, target=target.words, why=f"{plan.why}; the bound is below the stored resolution")
    best, why = _smallest(inputs, _bounded_candidates(inputs, step))
    return Plan(best, inputs.chunking(best), why, target.words)


def _bounded_candidates(inputs: PlanInput, step: float) -> list[Tier]:
    """Return exact coders on quantised values, and lossy bases plus an exact residual at several rungs."""
    low, masked, dtype = inputs.survey.stored_low, not inputs.survey.finite, inputs.scan.dtype

    def plain(coder: Coder) -> Tier:
        return BoundedTier(coder, dtype, low, step, masked)

    def based(base: Coder, places: Sequence[float]) -> list[Tier]:
        tier, residual = replace(lossy_tier(inputs, base), masked=False), coder_named(RESIDUAL_CODER)
        rungs = dict.fromkeys(int(place * (len(base.qualities) - 1)) for place in places)
        return [BoundedTier(residual, dtype, low, step, masked, tier, base.qualities[rung]) for rung in rungs]

    chosen = inputs.coder
    if chosen is None:
        exact = (
            (OURS, "jpegxl") if inputs.options.effort == "normal" else (OURS, "jpegxl", "jpegls", "jpeg2000", "deflate")
        )
        bases = based(coder_named("svtav1"), (0.3, 0.5, 0.7)) if inputs.scan.shape[1] > 1 else []
        return [plain(coder_named(name)) for name in exact] + bases
    if chosen.lossless_bits >= 16:
        return [plain(chosen)]
    if not chosen.exact_lossy:
        raise UsageError(f"{chosen.name} cannot keep a bound", where="--coder", fix="use --coder auto")
    return based(chosen, (0.2, 0.4, 0.6, 0.8))
