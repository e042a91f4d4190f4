"""From studies to data sets: what each coder gives at the ratios and qualities people ask for.

Every value is read from a study's own curve, then averaged over studies; nothing is read beyond a measured end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from vesalius.metrics.bdrate import Curve, delta_rate, psnr_at_ratio, ratio_at_psnr, value_at_ratio
from vesalius.metrics.drawn import BY_STUDY
from vesalius.metrics.spread import Spread
from vesalius.tasks.evaluate.codec.judge_summary import JudgeSummary, judge_summary
from vesalius.tasks.evaluate.codec.results import Measures, Point, StudyResult

Region = Literal["whole", "heart"]
DECIBELS = (40, 35, 30)
RATIOS = (100, 300, 1000)
CLAIMED_RATIO = 1000
ANCHORS = ("svtav1", "x265")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CoderSummary(_Model):
    """One coder in one region of one data set.

    Args:
        coder: name.
        region: "whole" field or "heart" region.
        ratio_at_db: decibels -> ratio.
        psnr_at_ratio: ratio -> dB.
        ssim_at_ratio: ratio -> SSIM.
        delta_rate: anchor coder -> BD-rate in percent.
        encode_ms: per picture, at the file nearest to 1000:1.
        decode_ms: the same.
    """

    coder: str
    region: Region
    ratio_at_db: dict[int, Spread]
    psnr_at_ratio: dict[int, Spread]
    ssim_at_ratio: dict[int, Spread]
    delta_rate: dict[str, Spread]
    encode_ms: Spread
    decode_ms: Spread


class DataSetSummary(_Model):
    """All coders on one data set.

    Args:
        name: the data set.
        studies: its studies.
        intervals: what the bootstrap draws, in words; studies, because patients are unknown.
        is_cine: some study has several frames; the claims are about such.
        coders: by region, then coder.
        lossless: method -> lossless ratio to plain 16 bit.
        why_no_lossless: method -> reason, where a study has no such file.
        judge: what a judge segmenter found; None where none was asked or nothing could be judged.
    """

    name: str
    studies: tuple[str, ...]
    intervals: str = BY_STUDY
    is_cine: bool
    coders: tuple[CoderSummary, ...]
    lossless: dict[str, Spread]
    why_no_lossless: dict[str, str]
    judge: JudgeSummary | None = None

    def of(self, region: Region) -> list[CoderSummary]:
        """Summaries of one region."""
        return [one for one in self.coders if one.region == region]


class Summary(_Model):
    """The whole evaluation."""

    data_sets: tuple[DataSetSummary, ...]


def summarise(results: Sequence[StudyResult]) -> Summary:
    """Aggregate studies by data set, in the order they were given."""
    names = dict.fromkeys(result.data_set for result in results)
    return Summary(data_sets=tuple(_data_set(name, [one for one in results if one.data_set == name]) for name in names))


def region_points(result: StudyResult, coder: str, region: Region) -> list[tuple[Point, Measures]]:
    """Points of a coder with their measures in a region."""
    pairs = [(point, point.whole if region == "whole" else point.heart) for point in result.of(coder)]
    return [(point, measures) for point, measures in pairs if measures is not None]


def psnr_curve(result: StudyResult, coder: str, region: Region) -> Curve:
    """PSNR against ratio of one coder on one study; empty where it was not measured."""
    pairs = region_points(result, coder, region)
    return Curve.of([point.ratio for point, _ in pairs], [measures.psnr_db for _, measures in pairs])


def ssim_at(result: StudyResult, coder: str, region: Region, ratio: float) -> float | None:
    """SSIM of one coder on one study at a ratio; None outside the measured range."""
    pairs = region_points(result, coder, region)
    return value_at_ratio([point.ratio for point, _ in pairs], [measures.ssim for _, measures in pairs], ratio)


def _data_set(name: str, results: list[StudyResult]) -> DataSetSummary:
    coders = dict.fromkeys(point.coder for result in results for point in result.points)
    methods = dict.fromkeys(one.method for result in results for one in result.exact)
    lossless = {
        method: Spread.of_all({one.name: _lossless_ratio(one, method) for one in results}) for method in methods
    }
    regions: tuple[Region, ...] = ("whole", "heart")
    return DataSetSummary(
        name=name,
        studies=tuple(result.name for result in results),
        is_cine=any(result.shape[1] > 1 for result in results),
        coders=tuple(
            _coder(measured, coder, region)
            for region in regions
            if (measured := [one for one in results if region == "whole" or one.heart is not None])
            for coder in coders
        ),
        lossless=lossless,
        why_no_lossless={one.method: one.why_not for result in results for one in result.exact if one.why_not},
        judge=judge_summary(results, RATIOS),
    )


def _coder(results: list[StudyResult], coder: str, region: Region) -> CoderSummary:
    curves = {one.name: psnr_curve(one, coder, region) for one in results}

    def across(read: Callable[[Curve], float | None]) -> Spread:
        return Spread.of_all({name: read(curve) for name, curve in curves.items()})

    def ssim(ratio: float) -> Spread:
        return Spread.of_all({one.name: ssim_at(one, coder, region, ratio) for one in results})

    return CoderSummary(
        coder=coder,
        region=region,
        ratio_at_db={db: across(lambda curve, db=db: ratio_at_psnr(curve, db)) for db in DECIBELS},  # type: ignore[misc]
        psnr_at_ratio={ratio: across(lambda curve, n=ratio: psnr_at_ratio(curve, n)) for ratio in RATIOS},  # type: ignore[misc]
        ssim_at_ratio={ratio: ssim(ratio) for ratio in RATIOS},
        delta_rate=dict(_delta_rates(results, coder, region)),
        encode_ms=Spread.of_all({one.name: _nearest(one, coder).encode_ms for one in results if one.of(coder)}),
        decode_ms=Spread.of_all({one.name: _nearest(one, coder).decode_ms for one in results if one.of(coder)}),
    )


def _delta_rates(results: list[StudyResult], coder: str, region: Region) -> Iterator[tuple[str, Spread]]:
    for anchor in ANCHORS:
        if anchor == coder or not any(one.of(anchor) for one in results):
            continue
        values: dict[str, float | None] = {}
        for one in results:
            found = delta_rate(psnr_curve(one, anchor, region), psnr_curve(one, coder, region))
            values[one.name] = found.percent if found else None
        yield anchor, Spread.of_all(values)


def _nearest(result: StudyResult, coder: str) -> Point:
    """The point nearest to the claimed ratio."""
    return min(result.of(coder), key=lambda point: abs(math.log(point.ratio / CLAIMED_RATIO)))


def _lossless_ratio(result: StudyResult, method: str) -> float | None:
    sizes = [one.size_bytes for one in result.exact if one.method == method and one.size_bytes]
    return 2 * result.voxels / sizes[0] if sizes else None
