"""Coders at equal bytes per frame: what each gives there, and by how much it differs from its peers.

Bytes are those of the tier as it stands in the `.vsl` file, its payload with the heads of its chunks, over the 2D
pictures of the study. Every number is read from a study's own points, between measured files only, then averaged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from vesalius.metrics.bdrate import value_at_ratio
from vesalius.metrics.drawn import Owner
from vesalius.metrics.spread import Spread
from vesalius.tasks.evaluate.codec.results import Measures, Point, StudyResult

Region = Literal["whole", "heart"]
Measure = Literal["psnr_db", "ssim", "temporal_error"]
Owners = Mapping[str, Owner]
BYTES_PER_FRAME = (12, 16, 30, 50, 74, 100, 139)
"""Rates of tokens: from a coded mean frame, past the floor of the video coders, to where those lead."""
PEERS = ("mean", "svtav1", "x265")
REGIONS: tuple[Region, ...] = ("whole", "heart")
MEASURES: tuple[Measure, ...] = ("psnr_db", "ssim", "temporal_error")


@dataclass(frozen=True)
class AtBytes:
    """One measure of one coder in one region: bytes per frame -> value over studies."""

    coder: str
    region: Region
    measure: Measure
    at: dict[int, Spread]


@dataclass(frozen=True)
class PeerDifference:
    """PSNR of a coder less that of a peer at equal bytes, in one region.

    Args:
        coder: the coder.
        peer: what it is compared with.
        region: where.
        at: bytes per frame -> decibels over studies.
        at_floor: at the smallest file of the peer, which differs between studies.
        at_own: at the bytes of a coder with one rate point; unknown for one with a curve.
    """

    coder: str
    peer: str
    region: Region
    at: dict[int, Spread]
    at_floor: Spread
    at_own: Spread


@dataclass(frozen=True)
class OnDisk:
    """Bytes of a coder's smallest and largest measured file of each study.

    Args:
        coder: the coder.
        least_tier: bytes per frame of the smallest tier.
        least_file: bytes per frame of its file.
        most_tier: bytes per frame of the largest tier.
        most_file: bytes per frame of its file.
        around: bytes of the smallest file around its tier.
        tokens: how many the largest file holds; unknown for other coders.
    """

    coder: str
    least_tier: Spread
    least_file: Spread
    most_tier: Spread
    most_file: Spread
    around: Spread
    tokens: Spread


@dataclass(frozen=True)
class EqualBytes:
    """All coders of a data set at equal bytes."""

    on_disk: tuple[OnDisk, ...]
    coders: tuple[AtBytes, ...]
    differences: tuple[PeerDifference, ...]


def equal_bytes(results: Sequence[StudyResult], owners: Owners | None = None) -> EqualBytes:
    """Aggregate the studies of a data set. Differences are those of all coders to each of PEERS."""
    coders = tuple(dict.fromkeys(point.coder for result in results for point in result.points))

    def over(read: Callable[[StudyResult], float | None]) -> Spread:
        return Spread.by_patient({result.name: read(result) for result in results}, owners)

    regions = [region for region in REGIONS if region == "whole" or any(result.heart for result in results)]
    return EqualBytes(
        on_disk=tuple(_on_disk(coder, over) for coder in coders),
        coders=tuple(
            AtBytes(
                coder,
                region,
                measure,
                {at: over(partial(read_at_bytes, coder=coder, region=region, measure=measure, at=at)) for at in _RATES},
            )
            for measure in MEASURES
            for region in regions
            for coder in coders
        ),
        differences=tuple(
            PeerDifference(
                coder,
                peer,
                region,
                {at: over(partial(_less, coder=coder, peer=peer, region=region, at=at)) for at in _RATES},
                over(partial(_less_at_end, coder=coder, peer=peer, region=region, end=peer)),
                over(partial(_less_at_end, coder=coder, peer=peer, region=region, end=coder))
                if all(len(result.of(coder)) < 2 for result in results)
                else Spread.of({}),
            )
            for region in regions
            for peer in PEERS
            if peer in coders
            for coder in coders
            if coder != peer
        ),
    )


def per_frame(result: StudyResult, point: Point) -> float:
    """Bytes of the tier of a point for each 2D picture of its study."""
    return point.tier_bytes / result.frames


def read_at_bytes(result: StudyResult, coder: str, region: Region, measure: Measure, at: float) -> float | None:
    """Read a measure of one coder on one study at so many bytes per frame; None beyond its measured files.

    PSNR and SSIM are read from monotone curves in the logarithm of the bytes; a larger file that is no better counts
    as the smaller one. The temporal error need not fall, so it is read linearly between neighbouring files.
    """
    pairs = [
        (per_frame(result, point), value)
        for point, measures in points_in(result, coder, region)
        if (value := getattr(measures, measure)) is not None and math.isfinite(value)
    ]
    if not pairs or not min(pairs)[0] <= at <= max(pairs)[0]:
        return None
    if measure == "temporal_error":
        return between([(math.log(size), value) for size, value in pairs], math.log(at))
    read = value_at_ratio([1 / size for size, _ in pairs], [value for _, value in pairs], 1 / at)
    return max(value for size, value in pairs if size <= at) if read is None else read


def points_in(result: StudyResult, coder: str, region: Region) -> list[tuple[Point, Measures]]:
    """Points of a coder with their measures in a region; empty where the region is unknown."""
    pairs = [(point, point.whole if region == "whole" else point.heart) for point in result.of(coder)]
    return [(point, measures) for point, measures in pairs if measures is not None]


def between(points: Sequence[tuple[float, float | None]], target: float) -> float | None:
    """Read a value linearly between two neighbouring points; None beyond the ends or beside an unknown value.

    Example:
        >>> between([(0.0, 1.0), (2.0, 5.0), (3.0, None)], 0.5)
        2.0
    """
    below = max((point for point in points if point[0] <= target), default=None, key=lambda point: point[0])
    above = min((point for point in points if point[0] >= target), default=None, key=lambda point: point[0])
    if below is None or above is None or below[1] is None or above[1] is None:
        return None
    share = (target - below[0]) / (above[0] - below[0]) if above[0] > below[0] else 0.0
    return below[1] + share * (above[1] - below[1])


_RATES = BYTES_PER_FRAME


def _less(result: StudyResult, coder: str, peer: str, region: Region, at: float) -> float | None:
    of_coder, of_peer = (read_at_bytes(result, name, region, "psnr_db", at) for name in (coder, peer))
    return None if of_coder is None or of_peer is None else of_coder - of_peer


def _less_at_end(result: StudyResult, coder: str, peer: str, region: Region, end: str) -> float | None:
    """The difference at the smallest file of `end`, one of the two."""
    sizes = [per_frame(result, point) for point, _ in points_in(result, end, region)]
    return _less(result, coder, peer, region, min(sizes)) if sizes else None


def _on_disk(coder: str, over: Callable[[Callable[[StudyResult], float | None]], Spread]) -> OnDisk:
    def ends(read: Callable[[StudyResult, Point], float | None], *, largest: bool) -> Spread:
        def of(result: StudyResult) -> float | None:
            points = sorted(result.of(coder), key=lambda point: point.tier_bytes, reverse=largest)
            return read(result, points[0]) if points else None

        return over(of)

    return OnDisk(
        coder,
        least_tier=ends(per_frame, largest=False),
        least_file=ends(lambda result, point: point.size_bytes / result.frames, largest=False),
        most_tier=ends(per_frame, largest=True),
        most_file=ends(lambda result, point: point.size_bytes / result.frames, largest=True),
        around=ends(lambda _, point: point.size_bytes - point.tier_bytes, largest=False),
        tokens=ends(lambda _, point: point.tokens, largest=True),
    )
