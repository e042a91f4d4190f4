"""Which quality of a tokenizer, and which crf of the means, serve a target of the tier of tokens."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

from vesalius.codec.chunking import MAX_CHUNK_VALUES, Chunk, Chunking
from vesalius.codec.options import RATIO_CHECKED_FROM, RATIO_TOLERANCE, Psnr, Ratio, TokenTarget
from vesalius.codec.plan import PSNR_MARGIN, Plan, PlanInput
from vesalius.codec.search import Total, total
from vesalius.codec.tokens import CodedMean, ModelSource, ScaledChunk, TokensTier, tokens_tier
from vesalius.codec.trials import Trial, chunk_of, measure
from vesalius.errors import InputError, UsageError
from vesalius.memory import check_memory

Pair = tuple[int, int]
"""Quality and crf."""
CRFS = (20, 28, 34, 40, 44, 48, 52, 56, 60, 63)
"""What is tried for the means beside tokens; without tokens every crf from 1 to 63 is."""
_MIDDLE_CRF = 40
_LEFT = RATIO_TOLERANCE / 2
"""Part of a file that may stay empty below the bytes of its ratio."""


@dataclass(frozen=True)
class TokenPlan(Plan):
    """A plan whose chunks are coded already."""

    coded: tuple[Trial, ...] = ()

    def planned(self, chunk: Chunk) -> Trial | None:
        return self.coded[chunk.number]


@dataclass
class _Search:
    """Trials of a scan at pairs of (quality, crf).

    Everything is made once: scaled values for the scan, means for a crf, payloads for a pair. A pair is decoded only
    where its distortion is asked for.
    """

    inputs: PlanInput
    tier: TokensTier
    chunking: Chunking
    _means: dict[int, tuple[tuple[CodedMean, ...], ...]] = field(default_factory=dict)
    _payloads: dict[Pair, tuple[bytes, ...]] = field(default_factory=dict)
    _finished: dict[Pair, tuple[Trial, ...]] = field(default_factory=dict)

    @cached_property
    def _scaled(self) -> tuple[ScaledChunk, ...]:
        scan = self.inputs.scan
        check_memory(4 * scan.voxels)
        return tuple(self.tier.scaled(chunk_of(scan, chunk)) for chunk in self.chunking)

    def payloads(self, quality: int, crf: int) -> tuple[bytes, ...]:
        """Return the payload of each chunk."""
        if (quality, crf) not in self._payloads:
            tier = replace(self.tier, quality=quality, crf=crf)
            if crf not in self._means:
                self._means[crf] = tuple(map(tier.means, self._scaled))
            parts = zip(self._scaled, self._means[crf], strict=True)
            self._payloads[quality, crf] = tuple(tier.encode_scaled(chunk, means) for chunk, means in parts)
        return self._payloads[quality, crf]

    def payload_bytes(self, quality: int, crf: int) -> int:
        return sum(map(len, self.payloads(quality, crf)))

    def run(self, quality: int, crf: int) -> tuple[Trial, ...]:
        """Return the trials of a pair: its payloads decoded and compared."""
        if (quality, crf) not in self._finished:
            tier, scan = replace(self.tier, quality=quality, crf=crf), self.inputs.scan
            payloads = zip(self.chunking, self.payloads(quality, crf), strict=True)
            self._finished[quality, crf] = tuple(measure(scan, chunk, tier, payload) for chunk, payload in payloads)
        return self._finished[quality, crf]

    def total(self, quality: int, crf: int) -> Total:
        return total(self.run(quality, crf), self.inputs.survey.peak)

    def squared(self, quality: int, crf: int) -> float:
        return sum(trial.squared_error for trial in self.run(quality, crf))


def plan_tokens(inputs: PlanInput, target: TokenTarget, overhead: Callable[[Plan], int]) -> Plan:
    """Decide how to code a tier of tokens.

    `overhead` returns the bytes of the file that are not payload, for a plan.

    Raises:
        TargetError: the target cannot be reached.
        UsageError: the scan, or the number of tokens, does not fit the model.
        InputError: the model cannot be loaded.
    """
    scan = inputs.scan
    c, t, i, j, _ = scan.shape
    if scan.dtype.kind not in "iuf" or scan.dtype.itemsize > 8:
        raise UsageError(f"values of type {scan.dtype} are coded losslessly only", fix="leave --tier out")
    if c * t * i * j > MAX_CHUNK_VALUES:
        raise UsageError(
            f"a slice of shape {scan.shape} is larger than a chunk of tokens holds", fix="leave --tier out"
        )
    source = None if target.prefix == 0 else ModelSource(target.model or "", folder=target.model)
    tier = tokens_tier(scan.stored(), inputs.survey.finite, source, 0, target.prefix or 0, 0)
    chunking = inputs.chunking(tier)
    tier = replace(tier, prefix=_prefix(tier, chunking, target))
    search, qualities, crfs = _Search(inputs, tier, chunking), _qualities(tier, target), _crfs(tier, target)
    quality, crf = _choice(search, qualities, crfs, target, overhead)
    words = f"crf {crf} of the mean" if crf else "no mean"
    chosen = replace(tier, quality=quality, crf=crf)
    return TokenPlan(chosen, chunking, words, target.words, coded=search.run(quality, crf))


def caveat(source: ModelSource | None, modality: str) -> str | None:
    """Return a warning where the model was trained on another modality; None too for means without a model.

    Raises:
        InputError: the model takes no other.
    """
    if source is None:
        return None
    settings = source.model.settings
    known = settings.get("modality")
    if not known or modality in ("unknown", known):
        return None
    what = f"the model {source.model.name} was trained on {known}, this scan is {modality}"
    if settings.get("only"):
        raise InputError(what, fix="use another model, or leave --tier out")
    return what


def _prefix(tier: TokensTier, chunking: Chunking, target: TokenTarget) -> int:
    if tier.source is None:
        return 0
    _, t, i, j, k = chunking.shape
    most = tier.source.model.most((min(k, chunking.slices_per_chunk), t, j, i))
    if target.prefix is not None and target.prefix > most:
        raise UsageError(
            f"{target.prefix} are more tokens than there are ({most})", where="--tokens", fix="ask for fewer"
        )
    return most if target.prefix is None else target.prefix


def _qualities(tier: TokensTier, target: TokenTarget) -> tuple[int, ...]:
    """Return the qualities to choose from, best first."""
    if tier.source is None:
        return (0,)
    known = tier.source.model.tokenizer.qualities
    if target.quality is None:
        return tuple(known)
    if target.quality not in known:
        raise UsageError(f"{target.quality:g} is not a quality of the model ({', '.join(map(str, known))})")
    return (int(target.quality),)


def _crfs(tier: TokensTier, target: TokenTarget) -> tuple[int, ...]:
    """Return the crf to choose from, best first; (0,) for a tokenizer without means."""
    if tier.source is not None and not tier.source.model.tokenizer.takes_mean:
        return (0,)
    if target.crf is not None:
        return (target.crf,)
    if tier.source is None:
        return (_MIDDLE_CRF,) if target.aim is None else tuple(range(1, 64))
    return CRFS


def _choice(
    search: _Search,
    qualities: tuple[int, ...],
    crfs: tuple[int, ...],
    target: TokenTarget,
    overhead: Callable[[Plan], int],
) -> tuple[int, int]:
    """Return quality and crf."""
    if target.aim is None:
        return _balanced(search, qualities, crfs, target)
    if isinstance(target.aim, Psnr):
        return _for_psnr(search, qualities, crfs, target.aim)
    first = TokenPlan(search.tier, search.chunking, "crf 63 of the mean", target.words)
    fixed = overhead(replace(first, coded=search.run(qualities[-1], crfs[-1])))
    return _for_bytes(search, qualities, crfs, target.aim, fixed)


def _balanced(
    search: _Search, qualities: tuple[int, ...], crfs: tuple[int, ...], target: TokenTarget
) -> tuple[int, int]:
    """Return the middle quality (or the one asked for) with the crf of least distortion + slope x bytes.

    The slope is what the tokens pay themselves: distortion for a byte between this quality and the next one. Where they
    pay nothing, as in a still scan, the means get what they get without tokens. The cost falls and then rises along the
    crfs, so the search goes downhill from the middle.
    """
    quality = qualities[len(qualities) // 2]
    if len(crfs) == 1:
        return quality, crfs[0]
    known = search.tier.source.model.tokenizer.qualities if search.tier.source is not None else qualities
    place = known.index(quality)
    middle, other = crfs[len(crfs) // 2], known[place + 1 if place + 1 < len(known) else place - 1]
    here, there = search.payload_bytes(quality, middle), search.payload_bytes(other, middle)
    apart = search.squared(other, middle) - search.squared(quality, middle)
    slope = apart / (here - there) if here != there else 0.0
    if slope <= 0:
        return quality, _MIDDLE_CRF

    def cost(place: int) -> float:
        return search.squared(quality, crfs[place]) + slope * search.payload_bytes(quality, crfs[place])

    return quality, crfs[_lowest(cost, len(crfs), len(crfs) // 2)]


def _for_psnr(search: _Search, qualities: tuple[int, ...], crfs: tuple[int, ...], target: Psnr) -> tuple[int, int]:
    """Return the pair of fewest bytes that keeps the PSNR."""
    least = target.db + PSNR_MARGIN
    best = _best(
        qualities,
        crfs,
        lambda pair: search.total(*pair).psnr_db >= least,
        lambda pair: search.payload_bytes(*pair),
    )
    if best is None:
        raise target.missed("tokens", search.total(qualities[0], crfs[0]).psnr_db)
    return best


def _for_bytes(
    search: _Search, qualities: tuple[int, ...], crfs: tuple[int, ...], target: Ratio, fixed: int
) -> tuple[int, int]:
    """Return the pair of least distortion in a file of this ratio that takes `fixed` bytes besides."""
    voxels = search.inputs.scan.voxels
    budget = int(2 * voxels / target.ratio) - fixed
    found = _best(
        qualities[::-1],
        crfs[::-1],
        lambda pair: search.payload_bytes(*pair) <= budget,
        lambda pair: search.squared(*pair),
    )
    if found is None:
        best = 2 * voxels / (fixed + search.payload_bytes(qualities[-1], crfs[-1]))
        what = f"{target.ratio:g}:1 cannot be reached with tokens: the best is {best:.4g}:1"
        raise target.missed(best, what, fix="ask for less")
    return _filled(search, found, crfs, budget, fixed)


def _filled(search: _Search, pair: Pair, crfs: tuple[int, ...], budget: int, fixed: int) -> Pair:
    """Return the pair with the best mean that the budget holds, where much of it is left in a file of some size.

    The crfs that are searched lie apart; those up to the next better one are tried.
    """
    quality, crf = pair
    left = budget - search.payload_bytes(*pair)
    if fixed + budget < RATIO_CHECKED_FROM or left <= _LEFT * (fixed + budget) or len(crfs) == 1:
        return pair
    place = crfs.index(crf)
    better = range(crf, crfs[place - 1] if place else 0, -1)
    last = _last(lambda n: search.payload_bytes(quality, better[n]) <= budget, len(better), 0)
    return quality, better[last]


def _best(
    qualities: tuple[int, ...], crfs: tuple[int, ...], fits: Callable[[Pair], bool], cost: Callable[[Pair], float]
) -> Pair | None:
    """Return the pair of least cost that fits; None where even the first pair does not.

    Qualities and crfs begin where most fits. For each crf the last quality that fits is taken; the cost falls and then
    rises along the crfs, so the search goes downhill from the middle. For a single quality, the last crf that fits.
    """
    if len(qualities) == 1 or len(crfs) == 1:
        pairs = [(quality, crf) for quality in qualities for crf in crfs]
        last = _last(lambda n: fits(pairs[n]), len(pairs), 0)
        return None if last < 0 else pairs[last]
    known: dict[int, int] = {}

    def reached(place: int) -> float:
        if not 0 <= place < len(crfs):
            return math.inf
        near = known[min(known, key=lambda other: abs(other - place))] if known else len(qualities) // 2
        if place not in known:
            known[place] = _last(lambda n: fits((qualities[n], crfs[place])), len(qualities), near)
        return math.inf if known[place] < 0 else cost((qualities[known[place]], crfs[place]))

    place = len(crfs) // 2
    while place and reached(place) == math.inf:
        place -= 1
    if reached(place) == math.inf:
        return None
    place = _lowest(reached, len(crfs), place)
    return qualities[known[place]], crfs[place]


def _lowest(cost: Callable[[int], float], count: int, place: int) -> int:
    """Return the place of least cost that is reached downhill from a place."""
    for way in (-1, 1):
        while 0 <= place + way < count and cost(place + way) < cost(place):
            place += way
    return place


def _last(fits: Callable[[int], bool], count: int, near: int) -> int:
    """Return the last place that fits, where all before it do; -1 for none. The search begins near a place."""
    low, high, step = -1, count, 1
    at = min(max(near, 0), count - 1)
    while high - low > 1:
        if fits(at):
            low, at = at, at + step
        else:
            high, at = at, at - step
        step *= 2
        if not low < at < high or (low >= 0 and high < count):
            at = (low + high) // 2
    return low
